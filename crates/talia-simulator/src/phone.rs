//! One person's end of a line: what is said by the script, what is heard and how it is understood.

use std::sync::Arc;

use talia_audio::frame::{FRAME_SAMPLES, MulawFrame};
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    assistant_ear::{AssistantEar, Edge, Scene},
    caller::{Act, Caller, LiveInput, ScriptFault},
    line::VoicePath,
    lines::PreparedScript,
    listener::{Listener, ListenerFault},
};

/// A person at a telephone.
pub(crate) struct Phone {
    caller: Caller,
    ear: AssistantEar,
    voice_path: VoicePath,
    /// When the person's present line began, on the call's clock; none between lines.
    pub(crate) speaks_since_ms: Option<u64>,
    pub(crate) script_fault: Option<ScriptFault>,
    pub(crate) listener_faults: Vec<String>,
    live: Option<mpsc::Receiver<LiveInput>>,
    listener: Option<Arc<dyn Listener>>,
    listening: JoinSet<()>,
    understood: mpsc::Receiver<(u64, Result<String, ListenerFault>)>,
    understood_sender: mpsc::Sender<(u64, Result<String, ListenerFault>)>,
}

impl Phone {
    /// A person with a script, an ear for words, and lines that may come from outside.
    pub(crate) fn new(
        script: &Arc<PreparedScript>,
        listener: Option<Arc<dyn Listener>>,
        live: Option<mpsc::Receiver<LiveInput>>,
    ) -> Self {
        let (understood_sender, understood) = mpsc::channel(4);
        let mut caller = Caller::new(Arc::clone(script));
        if live.is_none() {
            caller.live(None);
        }
        Self {
            caller,
            ear: AssistantEar::default(),
            voice_path: VoicePath::new(&script.script.line, script.speech_dbfs),
            speaks_since_ms: None,
            script_fault: None,
            listener_faults: Vec::new(),
            live,
            listener,
            listening: JoinSet::new(),
            understood,
            understood_sender,
        }
    }

    /// Takes the frame that was heard up to `call_ms`: the edge it made, and whether it was audible.
    pub(crate) fn hear(&mut self, heard: &[u8], call_ms: u64) -> (Option<Edge>, bool) {
        self.ear.hear(heard, call_ms)
    }

    /// A stream begins: the utterance before it is over.
    pub(crate) fn break_off(&mut self) -> Option<Edge> {
        self.ear.break_off()
    }

    /// A stream broke with the call alive.
    pub(crate) fn broke(&mut self, call_ms: u64) {
        self.ear.broke(call_ms);
    }

    /// Who is heard now.
    pub(crate) fn scene(&self, call_ms: u64) -> Scene {
        self.ear.scene(call_ms)
    }

    /// Lives for 20 ms: what the line carries of the person's voice, and what the person does.
    pub(crate) fn speak(&mut self, heard: &[u8], call_ms: u64) -> (MulawFrame, Vec<Act>) {
        let mut voice = [0; FRAME_SAMPLES];
        let scene = self.ear.scene(call_ms);
        let acts = self.caller.tick(call_ms, scene, &mut voice);
        self.voice_path.played(heard);
        (self.voice_path.carry(&voice), acts)
    }

    /// The person has had a turn: what is heard from now on is another.
    pub(crate) fn new_turn(&mut self) {
        self.ear.new_turn();
    }

    /// Has what was heard in this turn transcribed beside the call.
    pub(crate) fn listen(&mut self, request: u64) {
        let Some(listener) = self.listener.clone() else { return };
        let samples = self.ear.turn().to_vec();
        let sender = self.understood_sender.clone();
        self.listening.spawn(async move {
            let result = listener.transcribe(samples).await;
            // The call may be over: then nobody asks any more.
            drop(sender.send((request, result)).await);
        });
        while self.listening.try_join_next().is_some() {}
    }

    /// Waits for something from beside the call: words that were understood, which are returned, or a line from outside.
    pub(crate) async fn news(&mut self) -> Option<String> {
        tokio::select! {
            // This end has a sender itself: the channel never closes.
            Some((request, result)) = self.understood.recv() => Some(self.take(request, result)),
            live = next_live(&mut self.live) => {
                self.caller.live(live);
                None
            }
        }
    }

    /// What was understood since the last look.
    pub(crate) fn poll(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        while let Ok((request, result)) = self.understood.try_recv() {
            words.push(self.take(request, result));
        }
        words
    }

    fn take(&mut self, request: u64, result: Result<String, ListenerFault>) -> String {
        let text = result.unwrap_or_else(|fault| {
            // Understood as nothing, so that the script goes on to its "otherwise".
            self.listener_faults.push(fault.0);
            String::new()
        });
        self.caller.understood(request, text.clone());
        text
    }

    /// The script failed; the first failure counts.
    pub(crate) fn failed(&mut self, fault: ScriptFault) {
        self.script_fault.get_or_insert(fault);
    }

    /// Nothing is transcribed any more.
    pub(crate) async fn silence(&mut self) {
        self.listening.shutdown().await;
    }
}

/// A person without live input, or behind its end, waits for ever here.
async fn next_live(live: &mut Option<mpsc::Receiver<LiveInput>>) -> Option<LiveInput> {
    match live {
        Some(receiver) => {
            let input = receiver.recv().await;
            if input.is_none() {
                *live = None;
            }
            input
        }
        None => std::future::pending().await,
    }
}
