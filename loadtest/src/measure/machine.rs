//! The machine under a measurement, and who else uses it; knows not what is measured.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{clock, process};

/// Above this share of all cores, others disturb a measurement.
const BUSY: f64 = 0.05;

/// What a measurement was made on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Conditions {
    /// Cores that are online.
    pub cores: usize,
    /// The processor's name.
    pub cpu: String,
    /// Name, release and architecture.
    pub kernel: String,
    /// Bytes of memory.
    pub memory: u64,
    /// The file system under the files that were served.
    pub file_system: String,
    /// Share of all cores that was in use before anything started.
    pub busy_before: f64,
    /// Share of all cores that others used meanwhile, the hypervisor's theft included.
    pub busy_others: f64,
}

/// Looks at the machine for as long as something is measured.
#[derive(Debug)]
pub struct Watch {
    conditions: Conditions,
    began: Instant,
    busy: Duration,
    own: Duration,
}

impl Watch {
    /// Notes the conditions; takes a second to see whether the machine is idle, and says so on standard error if not.
    pub fn begin(directory: &Path) -> io::Result<Self> {
        let before = busy_time()?;
        let began = clock::now();
        clock::pause(Duration::from_secs(1));
        let cores = std::thread::available_parallelism()?.get();
        let conditions = Conditions {
            cores,
            cpu: value("/proc/cpuinfo", "model name")?,
            kernel: std::fs::read_to_string("/proc/version")?.split_whitespace().take(3).collect::<Vec<_>>().join(" "),
            memory: value("/proc/meminfo", "MemTotal")?.trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024,
            file_system: file_system(&directory.canonicalize()?)?,
            busy_before: share(busy_time()?.saturating_sub(before), began, cores),
            busy_others: 0.0,
        };
        if conditions.busy_before > BUSY {
            eprintln!("warning: the machine is busy ({:.0} % of its cores)", conditions.busy_before * 100.0);
        }
        Ok(Self { conditions, began: clock::now(), busy: busy_time()?, own: process::own_cpu_time()? })
    }

    /// The conditions, with what others used meanwhile. Processes that were started must have been stopped, else they count as others.
    pub fn end(self) -> io::Result<Conditions> {
        let own = process::own_cpu_time()?.saturating_sub(self.own);
        let others = busy_time()?.saturating_sub(self.busy).saturating_sub(own);
        let busy_others = share(others, self.began, self.conditions.cores);
        if busy_others > BUSY {
            eprintln!("warning: others used {:.0} % of the cores meanwhile", busy_others * 100.0);
        }
        Ok(Conditions { busy_others, ..self.conditions })
    }
}

fn share(busy: Duration, began: Instant, cores: usize) -> f64 {
    busy.as_secs_f64() / (clock::now() - began).as_secs_f64() / cores as f64
}

/// The time that all cores together were not idle, since boot.
fn busy_time() -> io::Result<Duration> {
    let text = std::fs::read_to_string("/proc/stat")?;
    let fields = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
    // user nice system idle iowait irq softirq steal; guests are part of user.
    let busy = fields.take(8).enumerate().filter(|(at, _)| !matches!(at, 3 | 4));
    let ticks: u64 = busy.filter_map(|(_, ticks)| ticks.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 10))
}

/// The value of the first line `key: value`.
fn value(file: &str, key: &str) -> io::Result<String> {
    let text = std::fs::read_to_string(file)?;
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix(':'));
    Ok(value.unwrap_or("unknown").trim().to_owned())
}

/// The type of the file system that holds a directory.
fn file_system(directory: &Path) -> io::Result<String> {
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    let fields = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let nearest = fields.filter(|(point, _)| directory.starts_with(point)).max_by_key(|(point, _)| point.len());
    Ok(nearest.map_or("unknown", |(_, kind)| kind).to_owned())
}
