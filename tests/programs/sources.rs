//! The modules of a crate, read from its source: what each imports, and from which file that really comes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The path of a module below the crate; the crate itself is empty.
pub(crate) type Module = Vec<String>;

/// The modules of a crate that are not only for tests.
pub(crate) struct Crate(BTreeMap<Module, File>);

#[derive(Default)]
struct File {
    children: Vec<String>,
    uses: Vec<Use>,
    /// Identifiers and punctuation outside of `use`, of tests, of comments and of strings.
    code: Vec<String>,
}

/// One name that a `use` brings in.
#[derive(Clone)]
struct Use {
    path: Vec<String>,
    name: String,
    is_export: bool,
}

impl Crate {
    /// The crate whose sources are in this folder.
    pub(crate) fn read(source: &Path) -> Self {
        let mut modules = BTreeMap::new();
        let mut open = vec![(Module::new(), source.join("lib.rs"))];
        while let Some((module, path)) = open.pop() {
            let file = File::parse(&fs::read_to_string(&path).unwrap());
            for child in &file.children {
                let folder = match path.file_stem().unwrap().to_str().unwrap() {
                    "lib" | "mod" => path.parent().unwrap().to_owned(),
                    _ => path.with_extension(""),
                };
                let of_child = [folder.join(format!("{child}.rs")), folder.join(child).join("mod.rs")];
                let of_child = of_child.into_iter().find(|path| path.is_file()).expect("a module has a file");
                open.push(([&module[..], std::slice::from_ref(child)].concat(), of_child));
            }
            modules.insert(module, file);
        }
        Self(modules)
    }

    /// One of these modules and their texts; `lib` is the crate itself.
    pub(crate) fn of(modules: &[(&str, &str)]) -> Self {
        let path = |name: &str| match name {
            "lib" => Module::new(),
            name => name.split("::").map(str::to_owned).collect(),
        };
        Self(modules.iter().map(|(name, text)| (path(name), File::parse(text))).collect())
    }

    /// All modules but the crate itself, which is above all layers.
    pub(crate) fn modules(&self) -> impl Iterator<Item = &Module> {
        self.0.keys().filter(|module| !module.is_empty())
    }

    /// The modules in which that is defined which this one names.
    pub(crate) fn imports(&self, module: &Module) -> BTreeSet<Module> {
        let file = &self.0[module];
        let used = file.uses.iter().filter(|used| !used.is_export || file.code.contains(&used.name));
        let mut paths: Vec<_> = used.map(|used| used.path.clone()).collect();
        let starts = |at: usize| at == 0 || file.code[at - 1] != "::";
        for at in (0..file.code.len()).filter(|at| starts(*at)) {
            let path: Vec<_> = file.code[at..]
                .chunks(2)
                .scan(false, |is_over, pair| {
                    (!std::mem::replace(is_over, pair.get(1).is_none_or(|next| next != "::")))
                        .then(|| pair[0].clone())
                })
                .collect();
            if path.len() > 1 {
                paths.push(path);
            }
        }
        let mut found: BTreeSet<_> = paths.iter().filter_map(|path| self.home(module, path)).collect();
        found.remove(module);
        found
    }

    /// Where that is defined to which a path in `module` leads; nothing if it leads to a module as a whole, or out of
    /// the crate.
    fn home(&self, module: &Module, path: &[String]) -> Option<Module> {
        let file = &self.0[module];
        let (mut at, rest) = match &*path[0] {
            "crate" => (Module::new(), &path[1..]),
            "self" => (module.clone(), &path[1..]),
            "super" => (module[..module.len().checked_sub(1)?].to_vec(), &path[1..]),
            first if file.children.iter().any(|child| child == first) => (module.clone(), path),
            first => {
                let used = file.uses.iter().find(|used| used.name == first && used.path[0] != first)?;
                return self.home(module, &[&used.path[..], &path[1..]].concat());
            }
        };
        for name in rest {
            if name == "super" {
                at.pop();
                continue;
            }
            let child = [&at[..], std::slice::from_ref(name)].concat();
            if self.0.contains_key(&child) {
                at = child;
                continue;
            }
            let exported = self.0[&at].uses.iter().find(|used| used.name == *name);
            return exported.map_or_else(|| Some(at.clone()), |used| self.home(&at, &used.path));
        }
        None
    }
}

impl File {
    fn parse(text: &str) -> Self {
        let (tokens, mut file, mut at) = (tokens(text), Self::default(), 0);
        let (mut is_test, mut is_public) = (false, false);
        while at < tokens.len() {
            match &*tokens[at] {
                "#" => {
                    let is_inner = tokens[at + 1] == "!";
                    let end = past(&tokens, at + 1 + usize::from(is_inner));
                    is_test |= !is_inner && tokens[at..end].iter().any(|token| token == "test");
                    at = end;
                    continue;
                }
                "pub" if tokens[at + 1] == "(" => (at, is_public) = (past(&tokens, at + 1), true),
                "pub" => (at, is_public) = (at + 1, true),
                "mod" if tokens[at + 2] == ";" => {
                    if !is_test {
                        file.children.push(tokens[at + 1].clone());
                    }
                    (at, is_test, is_public) = (at + 3, false, false);
                }
                "use" => {
                    let end = at + tokens[at..].iter().position(|token| token == ";").expect("a use ends");
                    if !is_test {
                        brought_in(&tokens[at + 1..end], &[], is_public, &mut file.uses);
                    }
                    (at, is_test, is_public) = (end + 1, false, false);
                }
                // All of what is only for tests.
                _ if is_test => {
                    let end = |token: &String| token == "{" || token == ";";
                    at += tokens[at..].iter().position(end).unwrap_or(tokens.len() - at - 1);
                    (at, is_test) = (if tokens[at] == "{" { past(&tokens, at) } else { at + 1 }, false);
                }
                token => {
                    file.code.push(token.to_owned());
                    (at, is_public) = (at + 1, false);
                }
            }
        }
        file
    }
}

/// What a `use` of these tokens brings in.
fn brought_in(tokens: &[String], before: &[String], is_export: bool, into: &mut Vec<Use>) {
    let mut path = before.to_vec();
    let mut at = 0;
    while at < tokens.len() {
        match &*tokens[at] {
            "::" => at += 1,
            "{" => {
                let (mut depth, mut begun) = (0, at + 1);
                for (end, token) in tokens.iter().enumerate().skip(at) {
                    depth += i32::from(token == "{") - i32::from(token == "}");
                    if depth == 1 && token == "," || depth == 0 {
                        brought_in(&tokens[begun..end], &path, is_export, into);
                        begun = end + 1;
                    }
                }
                return;
            }
            "as" => {
                into.push(Use { path, name: tokens[at + 1].clone(), is_export });
                return;
            }
            "self" if !path.is_empty() => at += 1,
            name => {
                path.push(name.to_owned());
                at += 1;
            }
        }
    }
    if let (Some(name), false) = (path.last().cloned(), tokens.is_empty()) {
        into.push(Use { path, name, is_export });
    }
}

/// The place behind the bracket that is closed which is opened at `at`.
fn past(tokens: &[String], at: usize) -> usize {
    let mut depth = 0;
    for (end, token) in tokens.iter().enumerate().skip(at) {
        depth +=
            i32::from(matches!(&**token, "(" | "[" | "{")) - i32::from(matches!(&**token, ")" | "]" | "}"));
        if depth == 0 {
            return end + 1;
        }
    }
    tokens.len()
}

/// Identifiers, `::`, and every other character by itself, without comments, strings and space.
fn tokens(text: &str) -> Vec<String> {
    let (mut tokens, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let raw = rest.strip_prefix('b').unwrap_or(rest).strip_prefix('r');
        let raw = raw.map(|raw| (raw, raw.len() - raw.trim_start_matches('#').len()));
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some((raw, hashes)) = raw.filter(|(raw, hashes)| raw[*hashes..].starts_with('"')) {
            let end = format!("\"{}", "#".repeat(hashes));
            let begun = rest.len() - raw.len() + hashes + 1;
            begun + rest[begun..].find(&end).expect("a string ends") + end.len()
        } else if first == '"' {
            let mut escaped = false;
            let is_end = |c: char| {
                c == '"' && !escaped || {
                    escaped = c == '\\' && !escaped;
                    false
                }
            };
            rest[1..].find(is_end).expect("a string ends") + 2
        } else if first == '\'' {
            // A character, or the mark of a lifetime.
            let mut following = rest.chars().skip(1);
            match (following.next(), following.next()) {
                (Some('\\'), _) => rest[3..].find('\'').expect("a character ends") + 4,
                (Some(c), Some('\'')) => c.len_utf8() + 2,
                _ => 1,
            }
        } else if is_name(first) {
            let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            tokens.push(rest[..length].to_owned());
            length
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}
