//! What the system says about processes: memory and processor time.

/// Resident memory of a process, in KiB.
pub(crate) fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a field");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Processor time that was taken, in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticks {
    /// Of all processors, by anybody.
    all: u64,
    /// Of all processors, whether used or not.
    passed: u64,
    /// By these processes.
    own: u64,
}

impl Ticks {
    /// Until now; `pids` are our own processes.
    pub(crate) fn now(pids: &[u32]) -> Self {
        let stat = std::fs::read_to_string("/proc/stat").expect("Linux");
        let line = stat.lines().next().and_then(|line| line.strip_prefix("cpu ")).expect("the first line");
        let fields: Vec<u64> = line.split_whitespace().take(8).map(|field| field.parse().expect("a number")).collect();
        let passed = fields.iter().sum();
        // The fourth and fifth are the time without work.
        let all = passed - fields[3] - fields[4];
        Self { all, passed, own: pids.iter().map(|pid| of(*pid)).sum() }
    }

    /// The share of the machine that others took since then, from 0 to 1.
    pub(crate) fn taken_by_others(self, since: Self) -> f64 {
        let others = (self.all - since.all).saturating_sub(self.own - since.own);
        others as f64 / (self.passed - since.passed).max(1) as f64
    }
}

/// Processor time of one process, in ticks.
fn of(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a running process");
    let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
    fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().expect("a number")).sum()
}
