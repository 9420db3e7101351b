//! Opens the source that the user named.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, anyhow};
use proto::names::as_shell_word;

use super::{Folder, InputStream, Pattern, Source, Spec, WantedMode, Which};

/// What the user said about the source besides its name.
#[derive(Clone, Debug)]
pub(crate) struct SourceOptions {
    /// Size and rate, for a source that can choose.
    pub wanted: WantedMode,
    /// Whether a file or folder begins again when it ends.
    pub repeat: bool,
}

/// Opens a source. Called on the thread that will use it.
///
/// Fails if there is no such thing, it is of an unknown type, or it has no pictures.
pub(crate) fn open(spec: &Spec, options: &SourceOptions) -> anyhow::Result<Box<dyn Source>> {
    Ok(match spec {
        Spec::Camera(which) => open_camera(which, options.wanted)?,
        Spec::Pattern => Box::new(Pattern::new(options.wanted)?),
        Spec::StandardInput => Box::new(InputStream::standard_input(options.repeat)?),
        Spec::Path(path) => match path.metadata() {
            Ok(metadata) if metadata.is_dir() => Box::new(Folder::open(path, options.repeat)?),
            Ok(_) => Box::new(InputStream::open(path, options.repeat)?),
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(not_there(path)),
            Err(error) => return Err(error).with_context(|| format!("cannot open {}", path.display())),
        },
    })
}

/// What to say of a path at which nothing is. Addresses of other programs' streams look like one.
fn not_there(path: &Path) -> anyhow::Error {
    let shown = path.display();
    let scheme =
        path.to_str().and_then(|path| path.split_once("://")).map(|(scheme, _)| scheme.to_lowercase());
    match (scheme.as_deref(), path.to_str()) {
        (Some("http" | "https"), Some(address)) => anyhow!(
            "{shown} is no file; curl fetches JPEGs and MJPEG streams: curl -sN {} | sender --source -",
            as_shell_word(address)
        ),
        (Some(_), Some(address)) => anyhow!(
            "{shown} is no file; ffmpeg fetches what is there: ffmpeg -i {} -f mjpeg - | sender --source -",
            as_shell_word(address)
        ),
        _ => anyhow!("no such file: {shown}; --source takes camera, camera:N, pattern, - or a path"),
    }
}

fn open_camera(which: &Which, wanted: WantedMode) -> anyhow::Result<Box<dyn Source>> {
    super::camera::open(which.clone(), wanted)
}

#[cfg(test)]
mod tests {
    use super::super::stream::tests::{TestFolder, jpeg};
    use super::*;

    fn opened(source: &str) -> anyhow::Result<Box<dyn Source>> {
        let options = SourceOptions { wanted: WantedMode::default(), repeat: false };
        open(&source.parse()?, &options)
    }

    #[test]
    fn what_cannot_be_opened_is_said_with_the_way_out() {
        let folder = TestFolder::new("open");
        folder.write("film.mp4", b"\0\0\0\x18ftypmp42");
        for (source, words) in [
            ("/no/such/file.mjpeg", "no such file: /no/such/file.mjpeg"),
            ("http://10.0.0.7/video?a=1&b=2", "curl -sN 'http://10.0.0.7/video?a=1&b=2' | sender --source -"),
            ("rtsp://10.0.0.7/1", "ffmpeg -i 'rtsp://10.0.0.7/1' -f mjpeg - | sender --source -"),
            (&*folder.path().to_string_lossy(), "no .jpg files"),
            (&*folder.path().join("film.mp4").to_string_lossy(), "film.mp4 -f mjpeg - | sender --source -"),
        ] {
            let error = format!("{:#}", opened(source).err().unwrap());
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn every_kind_of_path_is_opened() {
        let folder = TestFolder::new("kinds");
        folder.write("still.jpg", &jpeg(1));
        folder.write("unnamed", &jpeg(1));
        folder.write("clip.y4m", b"YUV4MPEG2 W2 H2 F25:1\n");
        for name in ["", "still.jpg", "unnamed", "clip.y4m"] {
            let path = folder.path().join(name);
            assert!(opened(&path.to_string_lossy()).is_ok(), "{name}");
        }
        assert!(opened("pattern").unwrap().describe().contains("1280x720"));
    }
}
