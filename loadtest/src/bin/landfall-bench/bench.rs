//! What all benchmarks share: the options, a directory that is gone afterwards, the conditions and the report.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use loadtest::measure::machine::Watch;
use loadtest::measure::{Report, table};

/// Where the server is kept that is measured.
pub(crate) const SERVER_CORE: usize = 0;
/// And who asks it.
pub(crate) const CLIENT_CORE: usize = 1;
/// In the order of the table.
const BENCHMARKS: [&str; 10] =
    ["push", "herd", "memory", "media", "media-self-check", "start", "growth", "fleet", "jobs", "storm"];

#[derive(clap::Args)]
pub(crate) struct Bench {
    /// The program to measure [default: landfall, beside this one]
    #[arg(long, value_name = "FILE", global = true)]
    server: Option<PathBuf>,
    /// Where reports, and what can be used again, are kept
    #[arg(long, value_name = "DIR", global = true, default_value = "target/bench")]
    out: PathBuf,
    /// How often each thing is measured, after a warm-up
    #[arg(long, value_name = "COUNT", global = true, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
}

impl Bench {
    pub(crate) fn server(&self) -> io::Result<PathBuf> {
        let path = match &self.server {
            Some(path) => path.clone(),
            None => std::env::current_exe()?.with_file_name("landfall"),
        };
        let missing =
            |error| io::Error::other(format!("{}: {error}; build it, or name it by --server", path.display()));
        path.canonicalize().map_err(missing)
    }

    pub(crate) fn out(&self) -> io::Result<PathBuf> {
        fs::create_dir_all(&self.out)?;
        self.out.canonicalize()
    }

    pub(crate) fn rounds(&self) -> usize {
        usize::from(self.rounds)
    }

    /// Runs a benchmark in a directory of its own. When it returns, every process that it started is gone.
    pub(crate) fn run(
        &self,
        name: &str,
        benchmark: impl FnOnce(&Path) -> Result<Report, Box<dyn Error>>,
    ) -> Result<(), Box<dyn Error>> {
        let out = self.out()?;
        // Two at once would measure each other; the lock goes with this process.
        let lock = fs::File::create(std::env::temp_dir().join("landfall-bench.lock"))?;
        if lock.try_lock().is_err() {
            eprintln!("another benchmark runs on this machine; this one waits for its end");
            lock.lock()?;
        }
        let home = out.join(format!("{name}.{}", std::process::id()));
        fs::create_dir_all(&home)?;
        let watch = Watch::begin(&home)?;
        let found = benchmark(&home);
        fs::remove_dir_all(&home)?;
        let report = Report { conditions: watch.end()?, ..found? };
        report.write(&out)?;
        println!("{}", table(&[report]));
        Ok(())
    }

    pub(crate) fn table(&self) -> Result<(), Box<dyn Error>> {
        let out = self.out()?;
        let reports: Vec<Report> =
            BENCHMARKS.iter().filter_map(|name| Report::read(&out, name).transpose()).collect::<io::Result<_>>()?;
        println!("{}", table(&reports));
        Ok(())
    }
}
