//! Imports point down, as the tables under "Layers" in ARCHITECTURE.md have it, and no files import each other in a
//! circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::common::root;
use crate::sources::{Crate, Module};

#[test]
fn imports_point_down() {
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for name in ["proto", "sender", "receiver"] {
        let source = Crate::read(&root().join(name).join("src"));
        assert_eq!(faults(&source, &layers(&architecture, name)), [""; 0], "{name}");
    }
}

#[test]
fn an_import_that_points_up_is_found() {
    let source = Crate::of(&[
        ("lib", "mod low; mod high; pub use high::Top;"),
        ("low", "use crate::high::Top; pub struct Base(Top);"),
        ("high", "pub struct Top;"),
    ]);
    assert_eq!(faults(&source, &["high", "low"]), ["low imports high, a layer above it"]);
    assert_eq!(faults(&source, &["low", "high"]), [""; 0]);
    assert_eq!(faults(&source, &["low"]), ["high is in no layer"]);
    let inline = Crate::of(&[
        ("lib", "mod low; mod high;"),
        ("low", "pub fn go() { crate::high::top() }"),
        ("high", "pub fn top() {}"),
    ]);
    assert_eq!(faults(&inline, &["high", "low"]), ["low imports high, a layer above it"]);
}

#[test]
fn a_circle_of_files_is_found_also_through_what_their_root_exports() {
    let circle = [
        ("lib", "mod part;"),
        ("part", "mod one; mod other; pub use one::One; pub use other::Other;"),
        ("part::one", "use super::Other; pub struct One(Other);"),
        (
            "part::other",
            "use super::one; #[cfg(test)] mod tests { use super::*; } pub struct Other(one::One);",
        ),
    ];
    let found = faults(&Crate::of(&circle), &["part"]);
    assert_eq!(found, ["part::one and part::other import each other in a circle"]);
    let mut line = circle;
    line[3].1 = "#[cfg(test)] mod tests { use super::super::one::One; } pub struct Other;";
    assert_eq!(faults(&Crate::of(&line), &["part"]), [""; 0]);
}

/// The top-level modules of a crate, the highest first, as its table has them.
fn layers<'a>(architecture: &'a str, name: &str) -> Vec<&'a str> {
    let (_, section) = architecture.split_once(&format!("\n### {name}\n")).expect("each crate has a table");
    let rows =
        section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.skip(2).map(|row| row.split('`').nth(1).expect("the first column is a module")).collect()
}

/// What is not as the layers have it, in words.
fn faults(source: &Crate, layers: &[&str]) -> Vec<String> {
    let (mut faults, mut up) = (Vec::new(), BTreeSet::new());
    let imports: BTreeMap<&Module, BTreeSet<Module>> =
        source.modules().map(|module| (module, source.imports(module))).collect();
    let layer = |module: &Module| module.first().map(|top| layers.iter().position(|layer| layer == top));
    let tops: BTreeSet<_> = imports.keys().filter_map(|module| module.first()).collect();
    faults.extend(
        tops.iter().filter(|top| !layers.contains(&top.as_str())).map(|top| format!("{top} is in no layer")),
    );
    faults.extend(
        layers
            .iter()
            .filter(|layer| !tops.contains(&layer.to_string()))
            .map(|layer| format!("{layer} is no module")),
    );
    for (from, all) in &imports {
        for to in all {
            if to.is_empty() {
                up.insert(format!(
                    "{} imports what the crate itself defines, above all layers",
                    from.join("::")
                ));
            }
            if let (Some(Some(from_layer)), Some(Some(to_layer))) = (layer(from), layer(to))
                && to_layer < from_layer
            {
                up.insert(format!("{} imports {}, a layer above it", from.join("::"), to.join("::")));
            }
        }
    }
    faults.extend(up);
    faults.extend(circles(&imports).iter().map(|circle| {
        let names: Vec<_> = circle.iter().map(|module| module.join("::")).collect();
        format!("{} import each other in a circle", names.join(" and "))
    }));
    faults
}

/// Files from each of which each other one can be reached.
fn circles(imports: &BTreeMap<&Module, BTreeSet<Module>>) -> BTreeSet<BTreeSet<Module>> {
    let reach = |from: &Module| {
        let (mut reached, mut next) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(module) = next.pop() {
            for to in imports.get(&module).into_iter().flatten() {
                if reached.insert(to.clone()) {
                    next.push(to.clone());
                }
            }
        }
        reached
    };
    let reached: BTreeMap<_, _> = imports.keys().map(|module| ((*module).clone(), reach(module))).collect();
    let with = |from: &Module| {
        reached[from]
            .iter()
            .filter(|to| reached.get(*to).is_some_and(|back| back.contains(from)))
            .cloned()
            .collect::<BTreeSet<_>>()
    };
    reached.keys().map(with).filter(|circle| !circle.is_empty()).collect()
}
