//! A Redis of one's own: Debian's `redis-server` on a free port, with nothing on disk. It can be killed, stopped and
//! started again under its address.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How long it may take to answer its first question.
const TRIES: u32 = 500;

/// A running Redis; killed when it is dropped.
pub struct Redis {
    port: u16,
    child: Child,
}

impl Redis {
    /// Starts one. Fails where `redis-server` is not installed.
    pub fn start() -> io::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        Ok(Self { port, child: run(port)? })
    }

    /// Where it is: `redis://…`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its port on the loopback address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: everything in it is lost.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Starts it again after [`kill`](Self::kill), empty and under the same address.
    pub fn restart(&mut self) -> io::Result<()> {
        self.child = run(self.port)?;
        Ok(())
    }

    /// SIGSTOP: connections are accepted by the kernel, and nobody answers.
    pub fn pause(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT.
    pub fn resume(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let id = Pid::from_raw(self.child.id().cast_signed()).ok_or(io::ErrorKind::NotFound)?;
        Ok(kill_process(id, signal)?)
    }

    /// Says a command as one types it, and returns the beginning of the answer as it comes (RESP2): for a test's own
    /// look or deed, not for load.
    pub fn say(&self, command: &str) -> io::Result<String> {
        say(self.port, command)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn run(port: u16) -> io::Result<Child> {
    let child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--dir", "/", "--daemonize", "no", "--logfile", "/dev/null"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("redis-server: {error}; is it installed?")))?;
    for _ in 0..TRIES {
        if say(port, "PING").is_ok_and(|answer| answer.starts_with("+PONG")) {
            return Ok(child);
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "redis-server does not answer"))
}

fn say(port: u16, command: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(format!("{command}\r\n").as_bytes())?;
    let mut answer = vec![0; 64 * 1024];
    let length = stream.read(&mut answer)?;
    answer.truncate(length);
    String::from_utf8(answer).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
