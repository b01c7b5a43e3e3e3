//! One task a call.

use crate::app::App;
use crate::line::{AnsweredCall, CloseCause, LineEvent, MediaSocket};
use std::sync::Arc;
use talia_dialogue::EndReason;

/// Carries one call from its first frame to its end.
///
/// Whoever ends the conversation writes it down ([`crate::store::Store::call_ended`]) before the socket is closed;
/// a stream that breaks leaves the call open, because Twilio comes back for it.
pub async fn answer(app: Arc<App>, mut socket: MediaSocket, call: AnsweredCall) {
    loop {
        match socket.next().await {
            LineEvent::Media { .. } | LineEvent::Mark(_) | LineEvent::Digit(_) => {}
            LineEvent::Stopped | LineEvent::Closed(CloseCause::CallOver) => {
                // What failed is counted by the store, and what was deferred is written later.
                let _ = app
                    .store
                    .call_ended(call.call_sid.as_str(), EndReason::CallerHungUp)
                    .await;
                return;
            }
            LineEvent::Closed(_) => return,
        }
    }
}
