//! The commands that stand in the documents, as a reader would copy them.

/// An indented block of a document.
#[derive(Debug)]
pub(crate) struct Recipe {
    /// Where it stands.
    pub(crate) document: &'static str,
    /// What it is for: the bold words in front of it, or else the heading.
    pub(crate) title: String,
    pub(crate) commands: Vec<Command>,
}

/// A command, in one line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) text: String,
    /// What stands behind it, such as `on 192.168.1.20`.
    pub(crate) comment: String,
}

/// Documents with recipes in them.
pub(crate) const DOCUMENTS: &[&str] = &[
    "README.md",
    "docs/recipes.md",
    "docs/security.md",
    "docs/troubleshooting.md",
    "docs/window.md",
    "docs/browser.md",
    "docs/comparison.md",
    "docs/statistics.md",
    "docs/system.md",
];

/// The recipes of all documents, in order.
pub(crate) fn recipes() -> Vec<Recipe> {
    DOCUMENTS.iter().flat_map(|document| recipes_of(document)).collect()
}

/// The command that has `part` in it.
pub(crate) fn command(part: &str) -> String {
    let mut found: Vec<String> =
        recipes().into_iter().flat_map(|recipe| recipe.commands).map(|command| command.text).collect();
    found.retain(|command| command.contains(part));
    assert_eq!(found.len(), 1, "{part}: {found:?}");
    found.remove(0)
}

/// A file of the repository.
pub(crate) fn read(document: &str) -> String {
    std::fs::read_to_string(super::root().join(document))
        .unwrap_or_else(|error| panic!("{document}: {error}"))
}

fn recipes_of(document: &'static str) -> Vec<Recipe> {
    let mut recipes: Vec<Recipe> = Vec::new();
    let (mut title, mut is_open, mut goes_on, mut is_fenced) = (String::new(), false, false, false);
    for line in read(document).lines() {
        is_fenced ^= line.starts_with("```");
        let Some(line) = line.strip_prefix("    ").filter(|_| !is_fenced) else {
            if let Some(bold) = line.strip_prefix("**").and_then(|rest| rest.split("**").next()) {
                title = bold.trim_end_matches(['.', ':', ',']).to_owned();
            } else if line.starts_with('#') {
                title = line.trim_start_matches(['#', ' ']).to_owned();
            }
            (is_open, goes_on) = (false, false);
            continue;
        };
        if !is_open {
            recipes.push(Recipe { document, title: title.clone(), commands: Vec::new() });
            is_open = true;
        }
        let (text, comment) = line.split_once("  # ").unwrap_or((line, ""));
        let text = text.trim().trim_end_matches('\\').trim_end();
        let commands = &mut recipes.last_mut().unwrap().commands;
        match commands.last_mut().filter(|_| goes_on) {
            Some(command) => command.text += &format!(" {text}"),
            None => commands.push(Command { text: text.to_owned(), comment: comment.to_owned() }),
        }
        goes_on = line.ends_with('\\') || line.ends_with('|');
    }
    recipes
}
