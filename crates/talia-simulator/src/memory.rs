//! What a call costs in memory, told from what any load costs: the slope between two loads on the same process.
//!
//! The growth of a process under its first load divided by the calls charges threads' stacks, allocator arenas and database
//! caches to the calls, though they come once. Half the calls, then all of them, then all of them again: what the second load
//! adds over the first is the calls' own, and what the third adds over the second is what was not given back.

use crate::load::{LoadError, LoadPlan, LoadReport, run};
use serde::Serialize;

/// Peaks of resident memory under three loads on one process, in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MemorySteps {
    /// Calls at the same time, at most, under the first and under the other loads.
    pub calls: [usize; 2],
    /// Before the first load.
    pub before_kib: u64,
    /// Under half of the calls.
    pub half_kib: u64,
    /// Under all of them.
    pub full_kib: u64,
    /// Under all of them again.
    pub again_kib: u64,
}

impl MemorySteps {
    /// The slope between the two loads, KiB a call; none where the second had no more calls than the first.
    pub fn kib_per_call(&self) -> Option<f64> {
        let more = self.calls[1].checked_sub(self.calls[0]).filter(|more| *more > 0)?;
        Some((self.full_kib as f64 - self.half_kib as f64) / more as f64)
    }

    /// Growth of the first load that belongs to no call, in KiB, by the same slope.
    pub fn fixed_kib(&self) -> Option<f64> {
        let calls = self.kib_per_call()? * self.calls[0] as f64;
        Some(self.half_kib as f64 - self.before_kib as f64 - calls)
    }

    /// What an equal load adds to the peak, KiB a call: a leak shows here.
    pub fn kept_kib_per_call(&self) -> f64 {
        (self.again_kib as f64 - self.full_kib as f64) / self.calls[1].max(1) as f64
    }
}

/// Drives half of the plan's calls, all, and all again; the report is the second load's.
pub async fn measure(plan: LoadPlan) -> Result<(LoadReport, MemorySteps), LoadError> {
    let half = LoadPlan {
        calls: plan.calls / 2,
        ramp: plan.ramp / 2,
        ..plan.clone()
    };
    let used = |report: &LoadReport| {
        report
            .server
            .ok_or(LoadError::Plan("memory needs the server's process"))
    };
    let first = run(half).await?;
    let report = run(plan.clone()).await?;
    let again = run(plan).await?;
    let (half, full) = (used(&first)?, used(&report)?);
    let steps = MemorySteps {
        calls: [first.most_at_once, report.most_at_once],
        before_kib: half.before.rss_kib,
        half_kib: half.peak_rss_kib,
        full_kib: full.peak_rss_kib,
        again_kib: used(&again)?.peak_rss_kib,
    };
    Ok((report, steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_once_is_not_charged_to_the_calls() {
        let steps = MemorySteps {
            calls: [50, 100],
            before_kib: 60_000,
            half_kib: 60_000 + 4_000 + 50 * 200,
            full_kib: 60_000 + 4_000 + 100 * 200,
            again_kib: 60_000 + 4_000 + 100 * 200 + 300,
        };
        assert_eq!(steps.kib_per_call(), Some(200.0));
        assert_eq!(steps.fixed_kib(), Some(4_000.0));
        assert!((steps.kept_kib_per_call() - 3.0).abs() < 1e-9);
    }

    #[test]
    fn two_equal_loads_have_no_slope() {
        let steps = MemorySteps {
            calls: [1, 1],
            before_kib: 10,
            half_kib: 20,
            full_kib: 20,
            again_kib: 20,
        };
        assert_eq!(steps.kib_per_call(), None);
        assert_eq!(steps.fixed_kib(), None);
    }
}
