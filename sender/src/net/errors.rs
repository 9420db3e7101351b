//! What the errors of a send or a read mean.

use std::io;

/// Errors of a moment: an earlier datagram did not arrive, as some router or computer says.
pub(super) fn is_passing(error: &io::Error) -> bool {
    use rustix::io::Errno as E;
    let passing = [
        E::INTR,
        E::CONNREFUSED,
        E::CONNRESET,
        E::HOSTUNREACH,
        E::NETUNREACH,
        E::HOSTDOWN,
        E::NETDOWN,
        E::MSGSIZE,
    ];
    error.raw_os_error().is_some_and(|code| passing.iter().any(|errno| errno.raw_os_error() == code))
}

/// Whether the kernel or the interface cuts no sends into datagrams.
pub(super) fn is_refusal_of_offload(error: &io::Error) -> bool {
    let codes = [libc::EIO, libc::EINVAL, libc::EMSGSIZE, libc::ENOPROTOOPT, libc::EOPNOTSUPP];
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// Whether the system says that the interface, its address or its route is not there.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    let codes = [
        libc::ENETUNREACH,
        libc::ENETDOWN,
        libc::ENODEV,
        libc::ENXIO,
        libc::EADDRNOTAVAIL,
        // An address to send from that is nobody's any more.
        libc::EINVAL,
    ];
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}
