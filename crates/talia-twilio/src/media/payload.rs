//! Audio payloads: raw μ-law as canonical standard base64.

use base64::{DecodeSliceError, Engine as _, engine::general_purpose::STANDARD};

use super::{MAX_PAYLOAD, MediaError};

/// Length of [`MAX_PAYLOAD`] bytes in base64.
const MAX_ENCODED: usize = MAX_PAYLOAD.div_ceil(3) * 4;

/// Decodes a payload into `audio`, whose former contents are dropped and whose room is reused.
///
/// On an error `audio` is empty. Only canonical base64 is taken: padded, standard alphabet, no stray bits.
pub fn decode_payload(payload: &str, audio: &mut Vec<u8>) -> Result<(), MediaError> {
    audio.clear();
    check_length(payload)?;
    STANDARD.decode_vec(payload, audio).map_err(|_| {
        audio.clear();
        MediaError::PayloadNotBase64
    })?;
    if audio.len() > MAX_PAYLOAD {
        audio.clear();
        return Err(MediaError::PayloadTooLarge);
    }
    Ok(())
}

/// Decodes a payload to the front of `audio` and returns how many bytes it had.
pub fn decode_payload_slice(payload: &str, audio: &mut [u8]) -> Result<usize, MediaError> {
    check_length(payload)?;
    let length = STANDARD.decode_slice(payload, audio).map_err(|error| match error {
        DecodeSliceError::DecodeError(_) => MediaError::PayloadNotBase64,
        DecodeSliceError::OutputSliceTooSmall => MediaError::PayloadTooLarge,
    })?;
    if length > MAX_PAYLOAD {
        return Err(MediaError::PayloadTooLarge);
    }
    Ok(length)
}

/// Appends the base64 of `audio` to `payload`.
pub fn encode_payload(audio: &[u8], payload: &mut String) {
    STANDARD.encode_string(audio, payload);
}

fn check_length(payload: &str) -> Result<(), MediaError> {
    if payload.len() > MAX_ENCODED {
        return Err(MediaError::PayloadTooLarge);
    }
    Ok(())
}
