//! Which process has a port.

use std::fs;

/// The process that has this UDP port, and its name (proc(5), /proc/net/udp and /proc/PID/fd); `None` if nobody has, or
/// it is another user's.
pub(super) fn of_port(port: u16) -> Option<(u32, String)> {
    let sockets = sockets_of_port(port);
    let processes =
        fs::read_dir("/proc").ok()?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut processes = processes.filter(|process: &u32| has_one_of(*process, &sockets));
    let process = processes.next()?;
    let name = fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
    Some((process, name.trim().to_owned()))
}

/// As file descriptors name them.
fn sockets_of_port(port: u16) -> Vec<String> {
    let port = format!(":{port:04X}");
    let tables =
        ["udp", "udp6"].map(|table| fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default());
    let lines = tables.iter().flat_map(|table| table.lines());
    let inodes = lines.filter_map(|line| {
        // "sl local_address rem_address st queues timer retransmits uid timeout inode ..."
        let mut fields = line.split_whitespace();
        fields.nth(1).filter(|address| address.ends_with(&port))?;
        fields.nth(7)
    });
    inodes.map(|inode| format!("socket:[{inode}]")).collect()
}

fn has_one_of(process: u32, sockets: &[String]) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) else { return false };
    let mut targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    targets.any(|target| target.to_str().is_some_and(|target| sockets.iter().any(|socket| socket == target)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_port_is_found() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let (process, name) = of_port(port).unwrap();
        assert_eq!(process, std::process::id());
        assert!(!name.is_empty());
        drop(socket);
        assert_eq!(of_port(port), None);
    }
}
