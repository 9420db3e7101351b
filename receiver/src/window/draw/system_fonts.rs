//! The fonts that are installed, and what letters they have. None of them is trusted to be well-formed.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use ab_glyph::FontRef;
use ttf_parser::{Style, cmap, os2};

use super::glyph::GlyphOutline;

/// A font in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FontFile {
    /// How far it is from an upright one of common weight, without serifs: 0 is that.
    strangeness: u32,
    path: PathBuf,
    /// Which of the file's fonts it is.
    index: u32,
    /// Where the file says which letters it has, and in how many bytes.
    letters: (u64, u32),
}

/// Where fonts are installed, for this user first.
pub(crate) fn folders() -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = variable("HOME").map(PathBuf::from);
    let own = variable("XDG_DATA_HOME").map(PathBuf::from);
    let own = own.or_else(|| home.as_ref().map(|home| home.join(".local/share")));
    let all = variable("XDG_DATA_DIRS").unwrap_or_else(|| "/usr/local/share:/usr/share".into());
    let all = std::env::split_paths(&all).collect::<Vec<_>>();
    let old = home.map(|home| home.join(".fonts"));
    own.into_iter().chain(all).map(|data| data.join("fonts")).chain(old).collect()
}

/// The fonts in these folders and in those inside, the plainest first.
pub(crate) fn list(folders: &[PathBuf]) -> Vec<FontFile> {
    let mut fonts = Vec::new();
    for path in paths(folders) {
        fonts.extend(guarded(|| fonts_of(&path)).unwrap_or_default());
    }
    fonts.sort();
    fonts
}

/// Those of these letters that one of the fonts has.
pub(crate) fn find(fonts: &[FontFile], letters: &[char]) -> HashMap<char, GlyphOutline> {
    let mut found = HashMap::new();
    let mut wanted = letters.to_vec();
    for font in fonts {
        if wanted.is_empty() {
            break;
        }
        let has = guarded(|| font.has(&wanted)).unwrap_or_default();
        if !has.is_empty() {
            found.extend(guarded(|| font.outlines(&has)).unwrap_or_default());
            wanted.retain(|letter| !found.contains_key(letter));
        }
    }
    found
}

/// A font over which the parser stumbles, which in a release it should not, is one without letters.
fn guarded<T>(read: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok().flatten()
}

impl FontFile {
    /// Which of these letters it says that it has. Only that part of the file is read: some have 20 MB.
    fn has(&self, letters: &[char]) -> Option<Vec<char>> {
        let bytes = read(&open(&self.path)?, self.letters.0, self.letters.1)?;
        let subtables = cmap::Table::parse(&bytes)?.subtables;
        let has = |letter: &char| {
            let mut tables = subtables.into_iter().filter(cmap::Subtable::is_unicode);
            tables.any(|table| table.glyph_index((*letter).into()).is_some_and(|glyph| glyph.0 > 0))
        };
        Some(letters.iter().copied().filter(has).collect())
    }

    fn outlines(&self, letters: &[char]) -> Option<Vec<(char, GlyphOutline)>> {
        let file = open(&self.path)?;
        // Read, not mapped: whoever shortens a mapped file ends the program.
        let bytes = read(&file, 0, u32::try_from(file.metadata().ok()?.len()).ok()?)?;
        let font = FontRef::try_from_slice_and_index(&bytes, self.index).ok()?;
        Some(letters.iter().filter_map(|&c| Some((c, GlyphOutline::of(&font, c)?))).collect())
    }
}

/// The files that may hold fonts.
fn paths(folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let mut folders: Vec<(PathBuf, u32)> = folders.iter().map(|folder| (folder.clone(), 0)).collect();
    let mut looked = 0;
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            looked += 1;
            if looked > MOST_ENTRIES {
                return paths;
            }
            let path = entry.path();
            // Links are followed: distributions make them.
            let Ok(about) = fs::metadata(&path) else { continue };
            if about.is_dir() && depth < DEEPEST {
                folders.push((path, depth + 1));
            } else if about.is_file() && is_named_so(&path) && paths.len() < MOST_FILES {
                paths.push(path);
            }
        }
    }
    paths
}

fn is_named_so(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["ttf", "otf", "ttc", "otc"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// The fonts of a file.
fn fonts_of(path: &Path) -> Option<Vec<FontFile>> {
    let file = open(path)?;
    let head = read(&file, 0, 12)?;
    let starts = if head.starts_with(b"ttcf") {
        let count = number(&head, 8)?.min(MOST_IN_ONE);
        let starts = read(&file, 12, 4 * count)?;
        (0..count as usize).map(|index| number(&starts, 4 * index)).collect::<Option<Vec<_>>>()?
    } else {
        vec![0]
    };
    let font = |(index, &start): (usize, &u32)| {
        let [letters, style] = tables(&file, start, [b"cmap", b"OS/2"])?;
        let style = style.and_then(|(at, bytes)| read(&file, at, bytes));
        let strangeness = strangeness(path, style.as_deref());
        Some(FontFile { strangeness, path: path.to_owned(), index: index as u32, letters: letters? })
    };
    Some(starts.iter().enumerate().filter_map(font).collect())
}

/// Where the tables of these names are in a font that starts there, and how many bytes they have.
fn tables<const N: usize>(file: &File, start: u32, names: [&[u8; 4]; N]) -> Option<[Option<(u64, u32)>; N]> {
    let head = read(file, start.into(), 12)?;
    let count = u32::from(u16::from_be_bytes([head[4], head[5]])).min(MOST_TABLES);
    let records = read(file, u64::from(start) + 12, 16 * count)?;
    let mut found = [None; N];
    for record in records.chunks_exact(16) {
        if let Some(which) = names.iter().position(|name| record.starts_with(&name[..])) {
            found[which] = Some((number(record, 8)?.into(), number(record, 12)?));
        }
    }
    Some(found)
}

/// How far a font is from a plain one, by its own word and its file's name.
fn strangeness(path: &Path, style: Option<&[u8]>) -> u32 {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let by_name = STRANGE.iter().filter(|word| name.contains(**word)).count() as u32;
    let Some(about) = style.and_then(os2::Table::parse) else { return 10 + by_name };
    let weight = u32::from(about.weight().to_number().abs_diff(400)) / 100;
    let leans = u32::from(about.style() != Style::Normal);
    let width = u32::from(about.width().to_number().abs_diff(5));
    2 * (weight.min(9) + leans + width + by_name)
}

/// Opens it, if that cannot block.
fn open(path: &Path) -> Option<File> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    File::open(path).ok()
}

fn read(file: &File, at: u64, bytes: u32) -> Option<Vec<u8>> {
    // So that a file that claims more than it has costs nothing.
    let end = at.checked_add(bytes.into())?;
    if bytes > MOST_BYTES || end > file.metadata().ok()?.len() {
        return None;
    }
    let mut read = vec![0; bytes as usize];
    file.read_exact_at(&mut read, at).ok()?;
    Some(read)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

const MOST_ENTRIES: usize = 20_000;
const MOST_FILES: usize = 4000;
const DEEPEST: u32 = 8;
/// Fonts of one file.
const MOST_IN_ONE: u32 = 64;
const MOST_TABLES: u32 = 64;
/// Of what is read at once. The largest that are in use have 40 MB.
const MOST_BYTES: u32 = 64 << 20;
/// What names of fonts have that are not the first choice for a few words.
const STRANGE: &[&str] = &[
    "serif", "mono", "mincho", "ming", "song", "myeongjo", "batang", "gungsuh", "brush", "pen", "script",
    "display", "unifont", "rashi", "math",
];

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proto::Random;

    use super::*;

    /// A folder of fonts that is gone with this value.
    struct FontFolder(PathBuf);

    impl FontFolder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("chunkcast-fonts-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, bytes).unwrap();
            path
        }
    }

    impl Drop for FontFolder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const HANGUL: &[u8] = include_bytes!("../../../../tests/fonts/hangul.ttf");
    const LETTERS: [char; 4] = ['현', '관', '門', 'x'];

    /// The same font, as the second of a collection.
    fn collection() -> Vec<u8> {
        let mut bytes = [&b"ttcf\0\x01\0\0\0\0\0\x02\0\0\0\x14\0\0\0\x14"[..], HANGUL].concat();
        let tables = usize::from(u16::from_be_bytes([HANGUL[4], HANGUL[5]]));
        for record in bytes[0x14 + 12..].chunks_exact_mut(16).take(tables) {
            let moved = u32::from_be_bytes(*record[8..].first_chunk().unwrap()) + 0x14;
            record[8..12].copy_from_slice(&moved.to_be_bytes());
        }
        bytes
    }

    #[test]
    fn letters_are_found_in_fonts_and_collections_in_any_folder_below() {
        for (name, bytes) in [("a/b/one.ttf", HANGUL.to_vec()), ("Two.TTC", collection())] {
            let folder = FontFolder::new("found");
            folder.put(name, &bytes);
            folder.put("nothing.txt", HANGUL);
            let fonts = list(&[folder.0.join("is not there"), folder.0.clone()]);
            let found = find(&fonts, &LETTERS);
            let mut letters: Vec<char> = found.keys().copied().collect();
            letters.sort_unstable();
            assert_eq!(letters, ['門', '관', '현'], "{name}: {fonts:?}");
            assert!(found[&'현'].draw(20.0).coverage.iter().any(|&covered| covered > 200));
        }
    }

    #[test]
    fn the_plainest_font_is_asked_first() {
        let folder = FontFolder::new("plain");
        // OS/2 says the weight in its third number; 700 is bold.
        let mut bold = HANGUL.to_vec();
        let at = HANGUL.windows(4).position(|name| name == b"OS/2").unwrap();
        let table = u32::from_be_bytes(*HANGUL[at + 8..].first_chunk().unwrap()) as usize;
        bold[table + 4..table + 6].copy_from_slice(&700_u16.to_be_bytes());
        folder.put("a-fat.ttf", &bold);
        folder.put("b-serif.ttf", HANGUL);
        folder.put("c-plain.ttf", HANGUL);
        let fonts = list(std::slice::from_ref(&folder.0));
        let names: Vec<_> =
            fonts.iter().map(|font| font.path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["c-plain.ttf", "b-serif.ttf", "a-fat.ttf"]);
    }

    #[test]
    fn no_broken_file_does_more_than_have_no_letters() {
        let folder = FontFolder::new("broken");
        let (mut random, mut whole) = (Random::new(7), 0);
        for number in 0..3000 {
            let mut bytes = if number % 3 == 0 { collection() } else { HANGUL.to_vec() };
            match number % 5 {
                0 => bytes.truncate(random.below(bytes.len() as u64) as usize),
                // Where the tables are, mostly.
                1 => random.fill(&mut bytes[4..300]),
                _ => {
                    for _ in 0..=random.below(20) {
                        let at = random.below(bytes.len() as u64) as usize;
                        bytes[at] = random.next() as u8;
                    }
                }
            }
            folder.put("broken.ttf", &bytes);
            let found = find(&list(std::slice::from_ref(&folder.0)), &LETTERS);
            for outline in found.values() {
                let glyph = outline.draw(40.0);
                assert!(glyph.coverage.len() <= 400 * 400 && glyph.advance <= 160);
            }
            whole += u32::from(found.len() == 3);
        }
        assert!(whole > 300, "some are whole enough: {whole}");
    }

    #[test]
    fn what_is_no_file_or_claims_to_be_huge_is_left_alone() {
        let folder = FontFolder::new("odd");
        fs::create_dir(folder.0.join("folder.ttf")).unwrap();
        std::os::unix::fs::symlink(&folder.0, folder.0.join("round")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", folder.0.join("endless.ttf")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, folder.0.join("pipe.ttf"), rustix::fs::Mode::RWXU).unwrap();
        folder.put("empty.otf", b"");
        let mut claims = HANGUL.to_vec();
        let at = HANGUL.windows(4).position(|name| name == b"cmap").unwrap();
        claims[at + 12..at + 16].copy_from_slice(&u32::MAX.to_be_bytes());
        folder.put("claims.ttf", &claims);
        assert!(find(&list(std::slice::from_ref(&folder.0)), &LETTERS).is_empty());
        folder.put("one.ttf", HANGUL);
        assert_eq!(find(&list(std::slice::from_ref(&folder.0)), &LETTERS).len(), 3);
    }
}
