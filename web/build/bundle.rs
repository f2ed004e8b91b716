//! Joins the dashboard's ES modules into few scripts, and minifies them.
//!
//! A script is one entry with all modules that it imports; a module that is imported with `import()` begins a script of its own, which is
//! loaded when it is first needed; what several of those need is a script as well. Each module becomes a function that runs once, in the order
//! of imports, and puts what it exports into a registry that all scripts share, so every module exists once.
//!
//! Not here: names by hash, compression (`compress`), style sheets. Refused with an error that ends the build: imports in a circle,
//! `export *`, exports that change after the module has run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use oxc_allocator::Allocator;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_minifier::{Minifier, MinifierOptions};
use oxc_parser::Parser;
use oxc_span::{GetSpan, SourceType};
use oxc_syntax::module_record::{ExportExportName, ExportImportName, ExportLocalName, ImportImportName, ModuleRecord};

type Result<T> = std::result::Result<T, String>;
/// A path below the dashboard's folder, with `/`.
pub type Name = String;

/// The array that holds what each module exports, by its place in the order.
const REGISTRY: &str = "$modules";
/// Runs a script once: it fills in the registry.
const LOAD: &str = "$modules.load";
/// The script of modules that several later ones need.
const SHARED: &str = "js/shared.js";

/// What one import statement brings: the module, and `imported: local` names, or the local name of all of it.
struct Import {
    from: Name,
    bindings: Vec<String>,
    namespace: Option<String>,
}

/// A name that a module exports: one of its own, or one that it hands on from another module.
struct Export {
    exported: String,
    from: Option<Name>,
    local: String,
}

struct Module {
    /// Without import and export statements. `import('…')` of another module stands as `\u{1}name\u{1}`.
    body: String,
    imports: Vec<Import>,
    exports: Vec<Export>,
    lazy: BTreeSet<Name>,
}

/// The modules of a dashboard.
pub struct Bundle {
    modules: BTreeMap<Name, Module>,
    /// Every module after those that it imports.
    order: Vec<Name>,
}

/// Scripts to embed. Lazy ones name each other by their address, so they come first.
pub struct Script {
    /// The module that begins it.
    pub entry: Name,
    pub code: String,
}

impl Bundle {
    /// Reads `entry` below `root` and everything that it imports.
    pub fn read(root: &Path, entry: &str) -> Result<Self> {
        let mut bundle = Self { modules: BTreeMap::new(), order: Vec::new() };
        let mut waiting = vec![entry.to_owned()];
        while let Some(name) = waiting.pop() {
            if bundle.modules.contains_key(&name) {
                continue;
            }
            let source = std::fs::read_to_string(root.join(&name)).map_err(|e| format!("{name}: {e}"))?;
            let module = Module::parse(&name, &source)?;
            waiting.extend(module.imports.iter().map(|import| import.from.clone()).chain(module.lazy.iter().cloned()));
            bundle.modules.insert(name, module);
        }
        let mut path = Vec::new();
        for name in bundle.modules.keys().cloned().collect::<Vec<_>>() {
            bundle.sort(&name, &mut path)?;
        }
        Ok(bundle)
    }

    fn sort(&mut self, name: &str, path: &mut Vec<Name>) -> Result<()> {
        if self.order.iter().any(|done| done == name) {
            return Ok(());
        }
        if path.iter().any(|above| above == name) {
            return Err(format!("modules import each other in a circle: {} → {name}", path.join(" → ")));
        }
        path.push(name.to_owned());
        let imports: Vec<Name> = self.modules[name].imports.iter().map(|import| import.from.clone()).collect();
        for import in imports {
            self.sort(&import, path)?;
        }
        path.pop();
        self.order.push(name.to_owned());
        Ok(())
    }

    fn closure(&self, entry: &str) -> BTreeSet<Name> {
        let mut found = BTreeSet::new();
        let mut waiting = vec![entry];
        while let Some(name) = waiting.pop() {
            if found.insert(name.to_owned()) {
                waiting.extend(self.modules[name].imports.iter().map(|import| import.from.as_str()));
            }
        }
        found
    }

    /// The scripts of an entry: those loaded later first, the entry's own last. `address` names a script by its content.
    pub fn scripts(&self, entry: &str, mut address: impl FnMut(&str, &str) -> String) -> Result<Vec<Script>> {
        let first = self.closure(entry);
        let later: Vec<Name> = self.later().into_iter().filter(|name| !first.contains(name)).collect();
        let mut uses: BTreeMap<Name, usize> = BTreeMap::new();
        for name in later.iter().flat_map(|name| self.closure(name)).filter(|name| !first.contains(name)) {
            *uses.entry(name).or_default() += 1;
        }
        // What several of them need is a script of its own, since each module must exist once.
        let shared: BTreeSet<Name> = uses.into_iter().filter(|(_, n)| *n > 1).map(|(name, _)| name).collect();
        let mut scripts = Vec::new();
        let mut loads: BTreeMap<Name, String> =
            first.iter().map(|name| (name.clone(), format!("Promise.resolve({REGISTRY}[{}])", self.number(name)))).collect();
        let mut before = String::new();
        if !shared.is_empty() {
            let code = minify(SHARED, &format!("export default {REGISTRY}=>{{{}}}", self.code(&shared, &loads)?))?;
            before = format!("{LOAD}({:?}).then(()=>", address(SHARED, &code));
            scripts.push(Script { entry: SHARED.to_owned(), code });
        }
        for name in later {
            let own: BTreeSet<Name> = self.closure(&name).into_iter().filter(|own| !first.contains(own) && !shared.contains(own)).collect();
            if own.is_empty() {
                loads.insert(name.clone(), format!("{before}{REGISTRY}[{}])", self.number(&name)));
                continue;
            }
            let code = minify(&name, &format!("export default {REGISTRY}=>{{{}}}", self.code(&own, &loads)?))?;
            let load = format!("{LOAD}({:?}).then(()=>{REGISTRY}[{}])", address(&name, &code), self.number(&name));
            loads.insert(name.clone(), if before.is_empty() { load } else { format!("{before}{load})") });
            scripts.push(Script { entry: name, code });
        }
        // A script that could not be loaded is asked for again the next time.
        let code = format!(
            "const {REGISTRY}=[];{REGISTRY}.scripts={{}};{REGISTRY}.load=address=>{REGISTRY}.scripts[address]??=import(address).then(script=>script.default({REGISTRY}),error=>{{delete {REGISTRY}.scripts[address];throw error}});{}",
            self.code(&first, &loads)?
        );
        scripts.push(Script { entry: entry.to_owned(), code: minify(entry, &code)? });
        Ok(scripts)
    }

    /// Modules that are imported with `import()`, each after those that it imports so itself.
    fn later(&self) -> Vec<Name> {
        let mut found: Vec<Name> = Vec::new();
        for name in self.order.iter().flat_map(|name| self.modules[name].lazy.iter()) {
            let inner = self.closure(name).into_iter().flat_map(|inner| self.modules[&inner].lazy.clone());
            for name in inner.chain([name.clone()]) {
                if !found.contains(&name) {
                    found.push(name);
                }
            }
        }
        found
    }

    fn number(&self, name: &str) -> usize {
        self.order.iter().position(|other| other == name).unwrap_or(usize::MAX)
    }

    fn variable(&self, name: &str) -> String {
        format!("{REGISTRY}[{}]", self.number(name))
    }

    fn export(&self, Export { exported, from, local }: &Export) -> String {
        match from {
            Some(from) => format!("{exported}:{}.{local}", self.variable(from)),
            None => format!("{exported}:{local}"),
        }
    }

    fn code(&self, names: &BTreeSet<Name>, loads: &BTreeMap<Name, String>) -> Result<String> {
        let mut out = String::new();
        for name in self.order.iter().filter(|name| names.contains(*name)) {
            let module = &self.modules[name];
            let mut body = String::new();
            for import in &module.imports {
                let from = self.variable(&import.from);
                if let Some(local) = &import.namespace {
                    body += &format!("const {local}={from};");
                }
                if !import.bindings.is_empty() {
                    body += &format!("const{{{}}}={from};", import.bindings.join(","));
                }
            }
            for (at, part) in module.body.split('\u{1}').enumerate() {
                match at % 2 {
                    0 => body += part,
                    _ => body += loads.get(part).ok_or_else(|| format!("{name} and {part} load each other"))?,
                }
            }
            let exports: Vec<String> = module.exports.iter().map(|export| self.export(export)).collect();
            out += &format!("{}=(()=>{{{body}\nreturn{{{}}}}})();\n", self.variable(name), exports.join(","));
        }
        Ok(out)
    }
}

impl Module {
    fn parse(name: &str, source: &str) -> Result<Self> {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, source, SourceType::mjs()).parse();
        if let Some(error) = parsed.diagnostics.first() {
            return Err(format!("{name}: {error}"));
        }
        let record = &parsed.module_record;
        let (imports, mut edits) = imports(name, record)?;
        let exports = exports(name, source, record, &mut edits)?;
        // Lists of exports go by what they are: the record places an imported name that is exported again at its import, and has no `export {}`.
        for span in parsed.program.body.iter().map(GetSpan::span) {
            if is_export_list(&source[span.start as usize..span.end as usize]) {
                edits.push((span.start, span.end, String::new()));
            }
        }
        let mut lazy = BTreeSet::new();
        for import in &record.dynamic_imports {
            let request = &source[import.module_request.start as usize..import.module_request.end as usize];
            let target = resolve(name, request.trim_matches(['\'', '"']));
            edits.push((import.span.start, import.span.end, format!("\u{1}{target}\u{1}")));
            lazy.insert(target);
        }
        edits.sort();
        edits.dedup_by_key(|edit| edit.0);
        let mut body = String::new();
        let mut at = 0;
        for (from, to, text) in edits {
            body += &source[at..from as usize];
            body += &text;
            at = to as usize;
        }
        body += &source[at..];
        Ok(Self { body, imports, exports, lazy })
    }
}

fn is_export_list(statement: &str) -> bool {
    statement.strip_prefix("export").is_some_and(|after| after.trim_start().starts_with('{'))
}

/// A stretch of the source and what takes its place.
type Edit = (u32, u32, String);

fn imports(name: &str, record: &ModuleRecord<'_>) -> Result<(Vec<Import>, Vec<Edit>)> {
    let mut imports: Vec<Import> = Vec::new();
    let mut edits = Vec::new();
    for (request, places) in &record.requested_modules {
        for place in places.iter().filter(|place| place.is_import) {
            edits.push((place.statement_span.start, place.statement_span.end, String::new()));
        }
        imports.push(Import { from: resolve(name, request), bindings: Vec::new(), namespace: None });
    }
    imports.sort_by(|a, b| a.from.cmp(&b.from));
    for entry in &record.import_entries {
        let from = resolve(name, &entry.module_request.name);
        let Some(import) = imports.iter_mut().find(|import| import.from == from) else { continue };
        let local = entry.local_name.name.as_str();
        match &entry.import_name {
            ImportImportName::Name(imported) => import.bindings.push(format!("{}:{local}", imported.name)),
            ImportImportName::Default(_) => import.bindings.push(format!("default:{local}")),
            ImportImportName::NamespaceObject => import.namespace = Some(local.to_owned()),
        }
    }
    Ok((imports, edits))
}

fn exports(name: &str, source: &str, record: &ModuleRecord<'_>, edits: &mut Vec<Edit>) -> Result<Vec<Export>> {
    if !record.star_export_entries.is_empty() {
        return Err(format!("{name}: `export *` is not supported, name what is exported"));
    }
    let mut exports = Vec::new();
    for entry in record.local_export_entries.iter() {
        let exported = match &entry.export_name {
            ExportExportName::Name(name) => name.name.as_str(),
            ExportExportName::Default(_) => "default",
            ExportExportName::Null => continue,
        };
        let (from, to) = (entry.statement_span.start, entry.statement_span.end);
        let statement = &source[from as usize..to as usize];
        let after = statement["export".len()..].trim_start();
        let skipped = (statement.len() - after.len()) as u32;
        let local = match &entry.local_name {
            ExportLocalName::Name(local) | ExportLocalName::Default(local) => local.name.as_str(),
            ExportLocalName::Null => "",
        };
        if after.starts_with('{') {
            // The list is removed as a whole.
        } else if let Some(value) = after.strip_prefix("default") {
            let end = from + skipped + (after.len() - value.len()) as u32;
            let named = value.trim_start().starts_with("function ") || value.trim_start().starts_with("class ");
            edits.push((from, end, if named { String::new() } else { "const $default=".to_owned() }));
            let local = if named { local } else { "$default" };
            exports.push(Export { exported: exported.to_owned(), from: None, local: local.to_owned() });
            continue;
        } else {
            if after.starts_with("let ") || after.starts_with("var ") {
                return Err(format!(
                    "{name}: `export {}` may change after the module has run: export a function or a signal",
                    after.lines().next().unwrap_or_default()
                ));
            }
            edits.push((from, from + skipped, String::new()));
        }
        exports.push(Export { exported: exported.to_owned(), from: None, local: local.to_owned() });
    }
    for entry in record.indirect_export_entries.iter() {
        // `export { a as b } from './c.js'`, or `export { a }` of an imported name.
        let (ExportExportName::Name(exported), Some(request), ExportImportName::Name(imported)) =
            (&entry.export_name, &entry.module_request, &entry.import_name)
        else {
            return Err(format!(
                "{name}: {} is not supported",
                &source[entry.statement_span.start as usize..entry.statement_span.end as usize]
            ));
        };
        let of_import = source[entry.statement_span.start as usize..].starts_with("import");
        let is_default = of_import
            && record
                .import_entries
                .iter()
                .any(|import| matches!(import.import_name, ImportImportName::Default(_)) && import.local_name.name == imported.name);
        exports.push(Export {
            exported: exported.name.to_string(),
            from: Some(resolve(name, &request.name)),
            local: if is_default { "default".to_owned() } else { imported.name.to_string() },
        });
    }
    Ok(exports)
}

/// The path of a module that `name` imports as `request`.
fn resolve(name: &str, request: &str) -> Name {
    let mut path = PathBuf::from(name);
    path.pop();
    for part in request.split('/') {
        match part {
            "." => {}
            ".." => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    path.to_string_lossy().replace('\\', "/")
}

/// A script with short names, without comments and spaces.
pub fn minify(name: &str, source: &str) -> Result<String> {
    let allocator = Allocator::default();
    let mut parsed = Parser::new(&allocator, source, SourceType::mjs()).parse();
    if let Some(error) = parsed.diagnostics.first() {
        return Err(format!("{name}: {error}"));
    }
    let minified = Minifier::new(MinifierOptions::default()).minify(&allocator, &mut parsed.program);
    Ok(Codegen::new().with_options(CodegenOptions::minify()).with_scoping(minified.scoping).build(&parsed.program).code)
}
