//! Server-sent events (WHATWG HTML, "event stream interpretation"), taken apart as the bytes come.
//!
//! Bytes may be cut anywhere, inside a character too. What can grow is bounded: a service that never ends a line is refused.

/// The longest line, in bytes: the last event of a Responses stream repeats the whole answer, its instructions included.
const LONGEST_LINE: usize = 1 << 20;
/// The longest data of one event, in bytes.
const LONGEST_DATA: usize = 2 << 20;
/// A byte order mark may stand at the beginning of a stream.
const BOM: &[u8] = "\u{feff}".as_bytes();

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SseEvent {
    /// The `event` field; empty: none.
    pub name: String,
    /// The `data` fields, joined by line feeds. Bytes that are no UTF-8 are replaced.
    pub data: String,
}

/// A line or an event is longer than any that a service of ours sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// Takes a stream apart.
#[derive(Debug, Default)]
pub struct SseParser {
    line: Vec<u8>,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// The last line ended with a carriage return: a line feed right behind it belongs to it.
    after_return: bool,
    /// A line was read: what looks like a byte order mark is none any more.
    begun: bool,
}

impl SseParser {
    /// Takes more bytes in; complete events are appended to `events`. After an error nothing more can be read.
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<SseEvent>) -> Result<(), TooLong> {
        for &byte in bytes {
            let after_return = std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    self.end_line(events)?;
                }
                _ if self.line.len() == LONGEST_LINE => return Err(TooLong),
                _ => self.line.push(byte),
            }
        }
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<SseEvent>) -> Result<(), TooLong> {
        let mut line = std::mem::take(&mut self.line);
        if !std::mem::replace(&mut self.begun, true) && line.starts_with(BOM) {
            line.drain(..BOM.len());
        }
        if line.is_empty() {
            self.dispatch(events);
        } else {
            self.field(&line)?;
        }
        line.clear();
        // Its room serves the next line.
        self.line = line;
        Ok(())
    }

    fn field(&mut self, line: &[u8]) -> Result<(), TooLong> {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            b"data" => {
                if self.data.len() + value.len() >= LONGEST_DATA {
                    return Err(TooLong);
                }
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
            }
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            // A comment (a keep-alive), an id, a retry time, or what nobody has defined yet.
            _ => {}
        }
        Ok(())
    }

    fn dispatch(&mut self, events: &mut Vec<SseEvent>) {
        if std::mem::take(&mut self.has_data) {
            events.push(SseEvent {
                name: String::from_utf8_lossy(&self.name).into_owned(),
                data: String::from_utf8_lossy(&self.data).into_owned(),
            });
        }
        self.name.clear();
        self.data.clear();
    }
}
