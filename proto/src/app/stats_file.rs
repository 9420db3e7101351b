//! Where statistics are written as JSON lines: a file, standard output, or a named pipe whose readers come and go.

use std::io::{self, ErrorKind, stdout};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::sys::{NonblockingWriter, OpenedPath, is_pipe, open_target};

/// What `--stats-json` names.
#[derive(Debug)]
pub(super) struct StatsFile {
    path: PathBuf,
    /// `None`: it is a named pipe that nobody reads, who then misses lines.
    lines: Option<NonblockingWriter>,
    is_pipe: bool,
}

impl StatsFile {
    /// Opens it; - is standard output. Nobody is waited for.
    ///
    /// # Errors
    /// If it cannot be written to.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if path.as_os_str() == "-" {
            let lines = Some(NonblockingWriter::to(stdout().as_fd())?);
            return Ok(Self { path: path.to_owned(), lines, is_pipe: false });
        }
        let mut file = Self { path: path.to_owned(), lines: None, is_pipe: is_pipe(path) };
        file.open_again()?;
        if file.lines.is_none() {
            tracing::info!("statistics go to {} once somebody reads that pipe", path.display());
        }
        Ok(file)
    }

    /// Writes a line. Whoever reads nothing misses lines, and keeps nobody waiting longer than `patience`: each line
    /// says everything so far.
    ///
    /// # Errors
    /// If nothing can be written any more.
    pub(super) fn write(&mut self, line: &str, patience: Duration) -> io::Result<()> {
        if self.lines.is_none() {
            self.open_again()?;
        }
        let Some(lines) = &mut self.lines else { return Ok(()) };
        match write_line(lines, line, patience) {
            Err(error) if self.is_pipe && error.kind() == ErrorKind::BrokenPipe => {
                self.lines = None;
                Ok(())
            }
            written => written,
        }
    }

    fn open_again(&mut self) -> io::Result<()> {
        self.lines = match open_target(&self.path, FOR_ALL)? {
            OpenedPath::File(file) | OpenedPath::Pipe(file) => Some(NonblockingWriter::to(file.as_fd())?),
            OpenedPath::Unread => None,
        };
        Ok(())
    }
}

/// Figures are no pictures, and programs of other users may want them.
const FOR_ALL: u32 = 0o666;

fn write_line(lines: &mut NonblockingWriter, line: &str, patience: Duration) -> io::Result<()> {
    // The rest of a line that was begun comes first.
    if lines.flush(patience)? {
        lines.push(line.as_bytes());
        lines.flush(patience)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Read;
    use std::os::unix::fs::OpenOptionsExt;

    use super::*;

    #[test]
    fn a_pipe_is_written_to_while_somebody_reads_it_and_again_when_the_next_one_does() {
        let path = std::env::temp_dir().join(format!("chunkcast-stats-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let mut file = StatsFile::open(&path).unwrap();
        file.write("missed\n", Duration::ZERO).unwrap();
        for _ in 0..2 {
            let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
            let mut reader = OpenOptions::new().read(true).custom_flags(flags).open(&path).unwrap();
            file.write("read\n", Duration::ZERO).unwrap();
            let mut read = [0; 5];
            reader.read_exact(&mut read).unwrap();
            assert_eq!(&read, b"read\n");
            drop(reader);
            file.write("missed\n", Duration::ZERO).unwrap();
        }
        std::fs::remove_file(&path).unwrap();
    }
}
