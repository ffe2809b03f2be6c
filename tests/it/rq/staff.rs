//! A worker of a real RQ, in a process of its own, with the tasks that `tests/oracles/recordings.py` holds.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use landfall::jobs::rq::Serializer;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::{Duration, Instant};

use crate::support::{Bench, installed};

/// The versions that are in use; the last of each line.
#[derive(Clone, Copy, Debug)]
pub enum Version {
    V1,
    V2,
    V3,
}

impl Version {
    /// Sees to it that it is installed, which may take a minute: before anything else is begun.
    pub async fn installed(self) -> PathBuf {
        let (name, requirements) = self.requirements();
        tokio::task::spawn_blocking(move || installed::venv(name, requirements)).await.expect("no panic")
    }

    /// Its name and what to install.
    const fn requirements(self) -> (&'static str, &'static str) {
        match self {
            Self::V1 => ("rq-1.16", "rq-1.16.txt"),
            Self::V2 => ("rq-2", "rq-2.txt"),
            Self::V3 => ("rq-3", "rq-3.txt"),
        }
    }
}

/// `rq worker recordings`; killed when it is dropped.
pub struct RqWorker(Child);

impl RqWorker {
    /// Starts a worker on the bench's volume. Returns when it is registered.
    pub async fn start(bench: &mut Bench, version: Version) -> Self {
        Self::start_with(bench, version, Serializer::Pickle).await
    }

    /// The same, which reads jobs in that way.
    pub async fn start_with(bench: &mut Bench, version: Version, serializer: Serializer) -> Self {
        let volume = bench.volume();
        Self::start_on(bench, version, serializer, &volume).await
    }

    /// The same, which lands recordings in that directory.
    pub async fn start_on(bench: &mut Bench, version: Version, serializer: Serializer, volume: &Path) -> Self {
        let venv = version.installed().await;
        let account = bench.simulator.account().clone();
        let mut command = Command::new(venv.join("bin/rq"));
        command.args(["worker", "recordings", "--url", &bench.redis().url()]);
        if serializer == Serializer::Json {
            command.args(["--serializer", "rq.serializers.JSONSerializer"]);
        }
        command
            .env("PYTHONPATH", installed::oracles())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("RECORDINGS", volume)
            .env("SOURCE_CREDENTIALS", format!("{}:{}", account.sid, account.auth_token))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let before = registered(bench);
        let mut worker = Self(command.spawn().expect("the worker starts"));
        let begun = Instant::now();
        while registered(bench) == before {
            let ended = worker.0.try_wait().expect("a child");
            assert!(ended.is_none(), "it ended: {ended:?}");
            assert!(begun.elapsed() < Duration::from_secs(30), "it does not register");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        worker
    }

    /// SIGTERM: it finishes what it has in hand.
    pub async fn stop(mut self) {
        kill_process(self.id(), Signal::TERM).expect("it lives");
        let ended = tokio::time::timeout(Duration::from_secs(20), self.0.wait());
        ended.await.expect("it ends in time").expect("a child");
    }

    /// SIGKILL for the process that is at the job; its worker lives.
    pub fn kill_horse(&self) {
        self.horses().into_iter().for_each(|horse| kill_process(horse, Signal::KILL).expect("it lives"));
    }

    /// SIGKILL for both: nobody tells anybody.
    pub async fn kill(mut self) {
        let horses = self.horses();
        self.0.kill().await.expect("it lives");
        horses.into_iter().for_each(|horse| kill_process(horse, Signal::KILL).expect("it lives"));
    }

    fn id(&self) -> Pid {
        Pid::from_raw(self.0.id().expect("it lives").cast_signed()).expect("an id")
    }

    /// Its children.
    fn horses(&self) -> Vec<Pid> {
        let id = self.0.id().expect("it lives");
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).expect("a process of ours");
        let horses: Vec<Pid> = children.split_whitespace().filter_map(|id| Pid::from_raw(id.parse().ok()?)).collect();
        assert!(!horses.is_empty(), "it has nothing in hand");
        horses
    }
}

fn registered(bench: &mut Bench) -> String {
    bench.redis().say("SMEMBERS rq:workers:recordings").expect("Redis")
}
