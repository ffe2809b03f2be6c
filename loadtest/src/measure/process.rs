//! Processes seen from outside: CPU time, memory, children, cores; knows not what they do.

use std::io;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

/// Resident memory in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// All that is mapped and present (`VmRSS`).
    pub resident: u64,
    /// What no file backs, each shared page split among its users (`Pss_Anon`).
    pub anonymous: u64,
}

/// CPU time of a process since its start, of user and kernel together, in nanoseconds' resolution; threads that ended are included,
/// child processes are not. It is the sum of utime and stime in `/proc/<pid>/stat`, which counts in ticks of 10 ms.
pub fn cpu_time(pid: u32) -> io::Result<Duration> {
    let mut clock: libc::clockid_t = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it only writes to `clock`, which outlives the call.
    let error = unsafe { libc::clock_getcpuclockid(pid as libc::pid_t, &raw mut clock) };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error));
    }
    // SAFETY: it only writes to `time`, which outlives the call.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

/// CPU time of several processes, e.g. a master and its workers.
pub fn cpu_time_of(pids: &[u32]) -> io::Result<Duration> {
    pids.iter().map(|pid| cpu_time(*pid)).sum()
}

/// How much memory a process holds. Reading it walks its page tables: not while something is measured.
pub fn memory(pid: u32) -> io::Result<Memory> {
    let read = |file: &str, key: &str| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/{file}"))?;
        let kib = text.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse::<u64>().ok());
        kib.map(|kib| kib * 1024).ok_or_else(|| io::Error::other(format!("/proc/{pid}/{file} has no {key}")))
    };
    Ok(Memory { resident: read("status", "VmRSS:")?, anonymous: read("smaps_rollup", "Pss_Anon:")? })
}

/// The direct children of a process.
pub fn children(pid: u32) -> io::Result<Vec<u32>> {
    let mut children = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let Ok(child) = entry?.file_name().to_string_lossy().parse::<u32>() else { continue };
        // One that ended meanwhile is nobody's child.
        let parent = stat(&child.to_string()).ok().and_then(|fields| fields.get(1)?.parse().ok());
        if parent == Some(pid) {
            children.push(child);
        }
    }
    Ok(children)
}

/// CPU time of this process and of all children that were waited for, in steps of 10 ms.
pub fn own_cpu_time() -> io::Result<Duration> {
    let fields = stat("self")?;
    let ticks: u64 = fields.iter().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 10))
}

/// The fields of `/proc/<pid>/stat` that come after the name: state, parent, …
fn stat(pid: &str) -> io::Result<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold blanks and parentheses; it ends at the last one.
    let (_, rest) = text.rsplit_once(')').unwrap_or_default();
    Ok(rest.split_whitespace().map(str::to_owned).collect())
}

/// Keeps this thread, and what it starts from now on, on one core.
pub fn pin(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

/// Runs `work` on a thread that is kept on `core`. A process that it starts stays there too.
pub fn on_core<T: Send>(core: usize, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || pin(core).and_then(|()| work()));
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Lets this process, and those that it starts, have so many files open. Only root may go beyond the hard limit.
pub fn raise_open_files(wanted: u64) -> io::Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_some_and(|current| current < wanted) {
        let maximum = maximum.map(|maximum| maximum.max(wanted));
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).map_err(|error| {
            io::Error::other(format!("{wanted} open files are needed (ulimit -n {wanted}, as root): {error}"))
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_counts_as_cpu_time_of_this_process() {
        let pid = std::process::id();
        let before = cpu_time(pid).unwrap();
        std::hint::black_box((0..2_000_000u64).fold(0, |sum: u64, n| std::hint::black_box(sum ^ n)));
        assert!(cpu_time(pid).unwrap() > before);
    }

    #[test]
    fn memory_of_this_process_is_some() {
        let memory = memory(std::process::id()).unwrap();
        assert!(memory.anonymous > 0 && memory.resident > memory.anonymous / 2);
    }
}
