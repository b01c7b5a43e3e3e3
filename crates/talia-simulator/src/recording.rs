//! A call on disk: a stereo WAV (left the caller, right the assistant as played) and its log as JSON.

use std::{io::Write as _, path::Path};

use talia_audio::{frame::SAMPLE_RATE, mulaw};

use crate::events::CallEvent;

/// Both sides of a call, 8 kHz, aligned by the call's clock.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// What the caller's line carried.
    pub caller: Vec<i16>,
    /// What the caller heard.
    pub assistant: Vec<i16>,
}

/// A recording couldn't be written.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The WAV file.
    #[error("the recording can't be written: {0}")]
    Wave(#[from] hound::Error),
    /// The log.
    #[error("the log can't be written: {0}")]
    Log(#[from] std::io::Error),
    /// The log's text.
    #[error("the log can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Recording {
    /// Adds one frame of both sides, in μ-law, that ended at `now_ms` of the call; time without a stream is silence.
    pub(crate) fn push(&mut self, now_ms: u64, caller: &[u8], assistant: &[u8]) {
        let start = (now_ms as usize * 8).saturating_sub(caller.len().max(assistant.len()));
        for (side, frame) in [(&mut self.caller, caller), (&mut self.assistant, assistant)] {
            if side.len() < start {
                side.resize(start, 0);
            }
            side.extend(frame.iter().map(|&byte| mulaw::decode(byte)));
        }
    }

    /// Writes the stereo WAV.
    pub fn write_wav(&self, path: &Path) -> Result<(), RecordingError> {
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(path, spec)?;
        for index in 0..self.caller.len().max(self.assistant.len()) {
            writer.write_sample(self.caller.get(index).copied().unwrap_or(0))?;
            writer.write_sample(self.assistant.get(index).copied().unwrap_or(0))?;
        }
        writer.finalize()?;
        Ok(())
    }
}

/// Writes a log, one JSON object a line.
pub fn write_log(events: &[CallEvent], path: &Path) -> Result<(), RecordingError> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    for event in events {
        serde_json::to_writer(&mut file, event)?;
        file.write_all(b"\n")?;
    }
    file.flush()?;
    Ok(())
}
