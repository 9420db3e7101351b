//! `sender cameras`: the cameras, and what each can do; and for `sender doctor` what each does.

use std::io::{self, ErrorKind, Write};
use std::time::{Duration, Instant};

use proto::app::Checklist;
use proto::sys::Stop;

use crate::capture::source::camera::{FoundCamera, FrameRate, Mode, cameras, modes, open};
use crate::capture::source::{NextPicture, Source, WantedMode, Which};

/// Writes every camera with its modes, and how to choose one.
///
/// # Errors
///
/// If `out` cannot be written.
pub fn list_cameras(out: &mut impl Write) -> anyhow::Result<()> {
    let found = cameras();
    if found.is_empty() {
        writeln!(out, "No camera found. If one is plugged in, `dmesg` says what the system makes of it.")?;
        writeln!(out, "Without a camera, send the test card: --source pattern")?;
        return Ok(());
    }
    for camera in &found {
        write_camera(out, camera)?;
    }
    writeln!(
        out,
        "Choose one with --source camera:N or its device file, and a mode with --size WxH and --fps N."
    )?;
    Ok(())
}

/// Takes pictures from each camera for some seconds, and says how many came, how well it is known when they were taken,
/// and why there were too few.
///
/// # Errors
///
/// If nobody reads it.
pub(super) fn check_cameras(list: &mut Checklist<'_>) -> anyhow::Result<()> {
    for FoundCamera { index, path, .. } in cameras() {
        match open(Which::Path(path), WantedMode::default()) {
            Ok(mut camera) => watch_camera(list, index, &mut *camera)?,
            // Perhaps by a sender, which says the same in its statistics.
            Err(error) if is_busy(&error) => list.note(format_args!("not looked at: {error}"))?,
            Err(error) => list.attention(error)?,
        }
    }
    Ok(())
}

fn watch_camera(list: &mut Checklist<'_>, index: u32, camera: &mut dyn Source) -> anyhow::Result<()> {
    let stop = Stop::new()?;
    let (opened, mut first) = (Instant::now(), None);
    let mut whole = 0;
    while opened.elapsed() < LOOK {
        match camera.next(&stop)? {
            NextPicture::Picture(_) if first.is_none() => first = Some((Instant::now(), camera.dropped())),
            NextPicture::Picture(_) => whole += 1,
            NextPicture::Gone(why) => return Ok(list.attention(why)?),
            NextPicture::End => break,
        }
    }
    let Some((began, before)) = first else { return Ok(()) };
    let skipped = camera.dropped().superseded - before.superseded;
    let fps = (whole + skipped) as f64 / began.elapsed().as_secs_f64();
    let fps = FrameRate((fps * 10.0).round() / 10.0);
    match camera.diagnosis() {
        Some(diagnosis) => list.attention(diagnosis)?,
        None => list.ok(format_args!("camera:{index} gives {fps} fps; it is {}", camera.describe()))?,
    }
    if let Some(error) = camera.capture_error() {
        let error = error.as_secs_f64() * 1000.0;
        list.ok(format_args!("when its pictures are taken is known to within {error:.1} ms"))?;
    }
    Ok(())
}

fn is_busy(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::ResourceBusy)
}

fn write_camera(out: &mut impl Write, camera: &FoundCamera) -> io::Result<()> {
    let (index, path) = (camera.index, camera.path.display());
    match &camera.identity {
        Ok(identity) => writeln!(out, "camera:{index}  {path}  {}  ({})", identity.name, identity.bus)?,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return writeln!(out, "camera:{index}  {path}  no permission: add yourself to group video");
        }
        Err(error) => return writeln!(out, "camera:{index}  {path}  cannot be opened: {error}"),
    }
    match modes(&camera.path) {
        Ok(modes) if modes.is_empty() => writeln!(out, "    no format that can be used"),
        Ok(modes) => write_modes(out, modes),
        Err(error) => writeln!(out, "    its modes cannot be read: {error}"),
    }
}

/// One line for each format and size, with its rates, highest first.
fn write_modes(out: &mut impl Write, mut modes: Vec<Mode>) -> io::Result<()> {
    let size = |mode: &Mode| (mode.width, mode.height);
    let rate = |mode: &Mode| mode.fps().unwrap_or(0.0);
    // Formats and sizes stay in the driver's order.
    let first = modes.clone();
    let place =
        |mode: &Mode| first.iter().position(|other| other.format == mode.format && size(other) == size(mode));
    modes.sort_by(|a, b| place(a).cmp(&place(b)).then(rate(b).total_cmp(&rate(a))));
    modes.dedup();
    for same in modes.chunk_by(|a, b| a.format == b.format && size(a) == size(b)) {
        let (width, height) = size(&same[0]);
        let rates: Vec<String> =
            same.iter().filter_map(Mode::fps).map(|fps| FrameRate(fps).to_string()).collect();
        let rates = if rates.is_empty() { "any".to_owned() } else { rates.join(", ") };
        writeln!(
            out,
            "    {:<9} {:>9}  {rates} fps",
            same[0].format.to_string(),
            format!("{width}x{height}")
        )?;
    }
    Ok(())
}

/// How long a camera is watched: until it is sure that it gives too few.
const LOOK: Duration = Duration::from_secs(8);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::source::camera::{CameraFormat, CameraInterval};
    use crate::picture::Layout;

    #[test]
    fn modes_are_grouped_by_format_and_size() {
        let mode =
            |format, width, height, fps| Mode { format, width, height, interval: CameraInterval::at(fps) };
        let modes = vec![
            mode(CameraFormat::Mjpeg, 640, 480, 15.0),
            mode(CameraFormat::Mjpeg, 640, 480, 30.0),
            mode(CameraFormat::Mjpeg, 1280, 720, 12.5),
            Mode { interval: None, ..mode(CameraFormat::Raw(Layout::Yuyv), 640, 480, 1.0) },
        ];
        let mut text = Vec::new();
        write_modes(&mut text, modes).unwrap();
        let expected = "    MJPEG       640x480  30, 15 fps\n    MJPEG      1280x720  12.5 fps\n    \
                        YUYV        640x480  any fps\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
