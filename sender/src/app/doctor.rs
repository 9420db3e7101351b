//! `sender doctor`: what this computer sends with, the path to a receiver, and whether it replies.

mod ask;

use std::io::Write;

use anyhow::Result;
use proto::app::Checklist;
use proto::sys::Interface;

use crate::net::{Dest, NetworkOptions, Route, SendSocket};
use crate::serve::can_announce;

/// Says what this computer has to send pictures with and by; and where a destination is given, how that is reached and
/// whether it answers. Returns whether all is well.
///
/// # Errors
/// If the interfaces cannot be listed, or nobody reads what is said.
pub fn check(dest: Option<&Dest>, interface: Option<&str>, out: &mut dyn Write) -> Result<bool> {
    let mut list = Checklist::new(out);
    interfaces(&mut list)?;
    announcing(&mut list, interface)?;
    cameras(&mut list)?;
    match dest {
        Some(dest) => destination(&mut list, dest, interface)?,
        None => {
            list.section("Destination")?;
            list.note("to check the way to a receiver too: sender doctor --dest HOST:PORT")?;
        }
    }
    Ok(list.is_well())
}

fn interfaces(list: &mut Checklist<'_>) -> Result<()> {
    list.section("Network interfaces")?;
    let all = Interface::all()?;
    for interface in &all {
        let addresses: Vec<String> = interface.addresses.iter().map(ToString::to_string).collect();
        let mtu = interface.mtu().map_or_else(|| "unknown".to_owned(), |mtu| mtu.to_string());
        let wireless = if interface.is_wireless() { ", Wi-Fi" } else { "" };
        let (name, index) = (&interface.name, interface.index);
        list.ok(format_args!("{name}, index {index}, MTU {mtu}{wireless}: {}", addresses.join(", ")))?;
    }
    if all.iter().all(|interface| interface.is_loopback) {
        list.attention("no network but this computer itself: plug in a cable, or join a Wi-Fi")?;
    }
    Ok(())
}

/// Whether receivers could find a sender here.
fn announcing(list: &mut Checklist<'_>, interface: Option<&str>) -> Result<()> {
    list.section("Multicast DNS")?;
    match can_announce(interface) {
        Ok(names) if names.is_empty() => list.attention("no interface to announce a sender by")?,
        Ok(names) => list.ok(format_args!("a sender is announced by {}", names.join(", ")))?,
        Err(why) => list.attention(why)?,
    }
    Ok(())
}

fn cameras(list: &mut Checklist<'_>) -> Result<()> {
    list.section("Cameras")?;
    let mut text = Vec::new();
    super::cameras::list_cameras(&mut text)?;
    for line in String::from_utf8_lossy(&text).lines() {
        writeln!(list.out(), "  {line}")?;
    }
    super::cameras::check_cameras(list)
}

fn destination(list: &mut Checklist<'_>, dest: &Dest, interface: Option<&str>) -> Result<()> {
    list.section(format_args!("Destination {}", dest.text))?;
    let to = match dest.look_up() {
        Ok(to) => to,
        Err(error) => return Ok(list.attention(format_args!("{error:#}"))?),
    };
    let options =
        NetworkOptions { ttl: 1, interface: interface.map(str::to_owned), ..NetworkOptions::default() };
    let opened = Route::find(to, &options).and_then(|route| Ok((SendSocket::open(&route, &options)?, route)));
    let (socket, route) = match opened {
        Ok(opened) => opened,
        Err(error) => return Ok(list.attention(format_args!("{error:#}"))?),
    };
    let wireless = if route.interface().is_wireless() { ", Wi-Fi" } else { "" };
    list.ok(format_args!("reached at {to} by {}{wireless}, MTU {}", route.interface(), route.mtu()))?;
    if route.mtu() < SMALLEST_MTU {
        list.attention(format_args!(
            "an MTU of {} makes many small datagrams; look for a tunnel",
            route.mtu()
        ))?;
    }
    if to.ip().is_multicast() {
        if route.interface().is_wireless() {
            list.attention(
                "most Wi-Fi access points send a group's datagrams at a slow rate and do not repeat what was lost: give \
                 each viewer's own address by --dest instead",
            )?;
        }
        list.note(
            "a group reaches this network only (--ttl is 1); a switch that snoops on multicast also needs a querier, \
             which shows itself within two minutes: sudo tcpdump -ni any igmp or icmp6",
        )?;
    }
    let buffer = socket.send_buffer() / 1024;
    if buffer < SMALLEST_BUFFER {
        list.attention(format_args!(
            "the send buffer is {buffer} KiB, so that frames are held up; to allow more: sudo sysctl -w \
             net.core.wmem_default=212992"
        ))?;
    } else {
        list.ok(format_args!("the send buffer is {buffer} KiB"))?;
    }
    ask::ask(list, socket, route)
}

/// Every IPv6 link takes as much (RFC 8200, section 5).
const SMALLEST_MTU: usize = 1280;
/// What one call sends at most, in KiB.
const SMALLEST_BUFFER: usize = 64;
