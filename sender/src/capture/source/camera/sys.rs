//! Three things for which the `v4l` crate has no safe way.
#![allow(
    unsafe_code,
    reason = "the kernel fills a struct; a descriptor is lent. Nothing else in the crate needs it"
)]

use std::io;
use std::mem;
use std::os::fd::BorrowedFd;
use std::ptr::from_mut;

use v4l::Device;
use v4l::capability::Flags;
use v4l::v4l_sys::{v4l2_capability, v4l2_control};
use v4l::v4l2::vidioc::{VIDIOC_G_CTRL, VIDIOC_QUERYCAP};
use v4l::v4l2::{self};

/// What a device says of itself.
pub(super) struct Capability {
    /// Which driver it has.
    pub(super) driver: String,
    /// What it is called.
    pub(super) name: String,
    /// Where it is plugged in.
    pub(super) bus: String,
    /// What it can do.
    pub(super) flags: Flags,
}

/// Asks a device what it is.
///
/// [`Device::query_caps`] panics where a name is not UTF-8, which it is not when a long one was cut within a character.
pub(super) fn capability(device: &Device) -> io::Result<Capability> {
    // SAFETY: it is integers and arrays of integers only.
    let mut answer: v4l2_capability = unsafe { mem::zeroed() };
    // SAFETY: VIDIOC_QUERYCAP writes one v4l2_capability, and `answer` is one that outlives the call.
    unsafe { v4l2::ioctl(device.handle().fd(), VIDIOC_QUERYCAP, from_mut(&mut answer).cast())? };
    Ok(Capability {
        driver: text(&answer.driver),
        name: text(&answer.card),
        bus: text(&answer.bus_info),
        flags: Flags::from_bits_truncate(answer.device_caps),
    })
}

/// The value of a control; `None` if the device has no such control, or does not tell.
///
/// [`Device::control`] panics where a control is of a type that it has no name for.
pub(super) fn control(device: &Device, id: u32) -> Option<i32> {
    let mut answer = v4l2_control { id, value: 0 };
    // SAFETY: VIDIOC_G_CTRL reads and writes one v4l2_control, and `answer` is one that outlives the call.
    unsafe { v4l2::ioctl(device.handle().fd(), VIDIOC_G_CTRL, from_mut(&mut answer).cast()) }.ok()?;
    Some(answer.value)
}

/// The device's descriptor, to be waited for together with others.
pub(super) fn descriptor(device: &Device) -> BorrowedFd<'_> {
    // SAFETY: the device keeps its descriptor open for as long as it lives, and is borrowed that long.
    unsafe { BorrowedFd::borrow_raw(device.handle().fd()) }
}

fn text(bytes: &[u8]) -> String {
    let length = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}
