//! A network of the process's own, in which nobody's segments wait for a timer. Knows nothing of what is measured in it.

use std::ffi::c_char;
use std::io;
use std::os::fd::AsRawFd;

const CONTROL: &str = "/proc/sys/net/ipv4/tcp_congestion_control";
/// The default of Linux, and what a network of its own may have where that is not allowed it; neither paces.
const UNPACED: [&str; 2] = ["cubic", "reno"];

/// What this machine's connections are governed by, unless a server wants another.
pub(super) fn control() -> io::Result<String> {
    Ok(std::fs::read_to_string(CONTROL)?.trim().to_owned())
}

/// Leaves the machine's network for one with nothing but a loopback, whose connections are not paced: this thread, and whatever it
/// starts from now on. As root.
pub(super) fn enter() -> io::Result<()> {
    // SAFETY: a number goes in, and nothing of this process's memory is concerned.
    if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
        return Err(io::Error::last_os_error());
    }
    raise_loopback()?;
    let [wanted, allowed] = UNPACED;
    std::fs::write(CONTROL, wanted).or_else(|_| std::fs::write(CONTROL, allowed))
}

fn raise_loopback() -> io::Result<()> {
    let any = std::net::UdpSocket::bind(("0.0.0.0", 0))?;
    // SAFETY: numbers, for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = *from as c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the kernel reads one `ifreq`, which this is.
    if unsafe { libc::ioctl(any.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
