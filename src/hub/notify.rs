//! Tells the service manager how the hub is, by the protocol of `sd_notify`: a datagram of text to the
//! socket that it named.

use std::{ffi::OsStr, io};

/// Sends `state`, such as `READY=1`, to `socket`, a path or `@` and an abstract name.
///
/// # Errors
/// Those of the socket. That nobody hears it is no reason not to go on.
#[cfg(unix)]
pub fn notify(socket: &OsStr, state: &str) -> io::Result<()> {
    use std::os::unix::{ffi::OsStrExt as _, net::UnixDatagram};
    let sender = UnixDatagram::unbound()?;
    #[cfg(target_os = "linux")]
    if let Some(name) = socket.as_bytes().strip_prefix(b"@") {
        use std::os::{linux::net::SocketAddrExt as _, unix::net::SocketAddr};
        let addr = SocketAddr::from_abstract_name(name)?;
        return sender.send_to_addr(state.as_bytes(), &addr).map(drop);
    }
    sender.send_to(state.as_bytes(), socket).map(drop)
}

/// There is no such service manager here.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn notify(_: &OsStr, _: &str) -> io::Result<()> {
    Ok(())
}
