//! CPU time of a process from outside, in nanoseconds.

use std::fs;

/// CPU time used so far.
#[derive(Clone, Copy, Default)]
pub struct Cpu {
    pub all: u64,
    pub main: u64,
    /// CPU time of the addon's own threads.
    pub rust: u64,
}

/// Reads the scheduler's own account. A process' file speaks of its first thread only, so the
/// threads are added up; servers here start theirs early and end none.
pub fn read(process: u32) -> Cpu {
    let tasks = fs::read_dir(format!("/proc/{process}/task"));
    let mut cpu = Cpu::default();
    for task in tasks.into_iter().flatten().flatten() {
        let account = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        let time = account.split(' ').next().and_then(|time| time.parse().ok());
        let time: u64 = time.unwrap_or_default();
        cpu.all += time;
        if task.file_name().to_str() == Some(&process.to_string()) {
            cpu.main = time;
        }
        let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        if name.trim() == "loom-live" {
            cpu.rust += time;
        }
    }
    cpu
}

impl std::ops::Sub for Cpu {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            all: self.all.saturating_sub(before.all),
            main: self.main.saturating_sub(before.main),
            rust: self.rust.saturating_sub(before.rust),
        }
    }
}
