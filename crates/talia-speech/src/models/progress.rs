//! How a fetch shows what it does.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Told what a fetch does; one task at a time.
pub trait Progress {
    /// A task of `bytes` bytes begins.
    fn begin(&mut self, task: &str, bytes: u64);
    /// So many bytes of the task are done.
    fn reached(&mut self, bytes: u64);
    /// The task ended.
    fn end(&mut self, outcome: &str);
    /// Something worth a line.
    fn note(&mut self, line: &str);
}

/// Says nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&mut self, _task: &str, _bytes: u64) {}
    fn reached(&mut self, _bytes: u64) {}
    fn end(&mut self, _outcome: &str) {}
    fn note(&mut self, _line: &str) {}
}

/// A bar a task on standard error; plain lines where that is no terminal.
#[derive(Debug)]
pub struct Terminal {
    bar: ProgressBar,
    task: String,
}

impl Default for Terminal {
    fn default() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            task: String::new(),
        }
    }
}

impl Progress for Terminal {
    fn begin(&mut self, task: &str, bytes: u64) {
        let style = ProgressStyle::with_template("{msg:44} {bar:28} {bytes:>10} / {total_bytes:10} {bytes_per_sec}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        task.clone_into(&mut self.task);
        self.bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr())
            .with_style(style)
            .with_message(task.to_owned());
    }

    fn reached(&mut self, bytes: u64) {
        self.bar.set_position(bytes);
    }

    fn end(&mut self, outcome: &str) {
        self.bar.finish_and_clear();
        eprintln!("  {:<58} {outcome}", self.task);
    }

    fn note(&mut self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }
}
