//! Memory: how much there is, how much is held, and who may take some.

use std::sync::{Condvar, Mutex, PoisonError};

/// Lets units begin while what they are expected to take fits.
#[derive(Debug)]
pub(super) struct Gate {
    /// Bytes for all that run.
    room: u64,
    taken: Mutex<u64>,
    left: Condvar,
}

/// Room that a unit has taken, until it is dropped.
#[derive(Debug)]
pub(super) struct Room<'a> {
    gate: &'a Gate,
    bytes: u64,
}

impl Gate {
    pub(super) fn new(room: u64) -> Self {
        Self {
            room,
            taken: Mutex::new(0),
            left: Condvar::new(),
        }
    }

    /// Waits until there is room; `None` if there never will be.
    pub(super) fn enter(&self, bytes: u64) -> Option<Room<'_>> {
        if bytes > self.room {
            return None;
        }
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = self
            .left
            .wait_while(taken, |taken| *taken + bytes > self.room)
            .unwrap_or_else(PoisonError::into_inner);
        *taken += bytes;
        Some(Room { gate: self, bytes })
    }

    pub(super) fn room(&self) -> u64 {
        self.room
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        let taken = self.gate.taken.lock();
        *taken.unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.gate.left.notify_all();
    }
}

/// Bytes that the process may hold where nobody says how many: most of what is free now, within the
/// limit of its control group; `None` where the system does not tell.
pub(crate) fn usable() -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let free = kilobytes(&meminfo, "MemAvailable:")? + resident();
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limit = limit(&groups, |path| std::fs::read_to_string(path).ok());
    Some(free.min(limit.unwrap_or(u64::MAX)) / 10 * 9)
}

/// The least limit of a control group and of those around it, by what `/proc/self/cgroup` says. Engines of clusters
/// and containers set it somewhere on the way.
fn limit(groups: &str, read: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let mut least = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(mut path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        loop {
            path = path.trim_end_matches('/');
            let limit = read(&format!("{root}{path}/{file}"));
            let limit = limit.and_then(|text| text.trim().parse::<u64>().ok());
            least = least.into_iter().chain(limit).min();
            match path.rfind('/') {
                Some(parent) => path = &path[..parent],
                None => break,
            }
        }
    }
    least
}

/// Bytes that the process holds now; 0 where the system does not tell.
pub(super) fn resident() -> u64 {
    resident_of(std::process::id()).unwrap_or(0)
}

/// Bytes that a process holds now, where the system tells.
pub(super) fn resident_of(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    kilobytes(&status, "VmRSS:")
}

/// The most memory that the process has held, in bytes, where the system tells.
pub(crate) fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    kilobytes(&status, "VmHWM:")
}

/// The bytes of a line `NAME: 123 kB`.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    let number: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(number * 1024)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::{Gate, limit};

    #[test]
    fn the_least_limit_of_a_group_and_those_around_it_holds() {
        let read = |path: &str| {
            let bytes = match path {
                "/sys/fs/cgroup/slurm/job_7/memory.max" => "4000\n",
                "/sys/fs/cgroup/slurm/memory.max" => "max\n",
                "/sys/fs/cgroup/memory.max" => "9000\n",
                "/sys/fs/cgroup/memory/job/memory.limit_in_bytes" => "5000\n",
                _ => return None,
            };
            Some(bytes.to_owned())
        };
        assert_eq!(limit("0::/slurm/job_7/step_0\n", read), Some(4000));
        assert_eq!(limit("0::/slurm\n", read), Some(9000));
        assert_eq!(limit("0::/\n", read), Some(9000));
        assert_eq!(limit("3:cpu:/job\n2:memory:/job/step\n", read), Some(5000));
        assert_eq!(limit("3:cpu:/job\n", read), None);
    }

    #[test]
    fn what_runs_at_once_fits_and_what_never_fits_is_turned_away() {
        let gate = Gate::new(10);
        assert!(gate.enter(11).is_none());
        let (now, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for bytes in [4, 5, 6, 3, 10, 1] {
                let (gate, now, most) = (&gate, &now, &most);
                scope.spawn(move || {
                    let room = gate.enter(bytes).unwrap();
                    let held = now.fetch_add(bytes, Ordering::SeqCst) + bytes;
                    most.fetch_max(held, Ordering::SeqCst);
                    std::thread::yield_now();
                    now.fetch_sub(bytes, Ordering::SeqCst);
                    drop(room);
                });
            }
        });
        let most = most.into_inner();
        assert!((1..=10).contains(&most), "{most}");
        drop(gate.enter(10).unwrap());
    }
}
