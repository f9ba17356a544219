//! `docs/schema`: JSON Schemas of the configuration and of scheme files, held to what the readers themselves ask for.
//!
//! 1. A reader tells its keys when it meets one that it does not know. Every table of every good configuration and of every
//!    preset is given such a key, and what is told must be what the schema has there: no key more, none less.
//! 2. A reader tells its words when it meets another. Every word of the schema's lists is exchanged, and compared likewise.
//! 3. `HOOKWARD_BLESS=1 cargo test --test schema` writes keys and words that changed into the schemas; a new key may have any
//!    value until somebody says which.
//!
//! That the schemas take every configuration and refuse broken ones is shown by a validator of the standard: `.ci/configs`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "the functions here serve tests only")]
#![expect(clippy::disallowed_methods, reason = "a test is blessed from outside")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use hookward::config;
use hookward::document::Fault;
use serde_json::Value as Json;
use toml::{Table, Value};

const UNKNOWN: &str = "zzzzzzzzzzzzzzzzzzzz";
const CONFIGURATION: &str = "config.schema.json";
const PROVIDER: &str = "provider.schema.json";

/// What the readers told: by the file and pointer of an object or a list of words in a schema.
type Told = BTreeMap<(&'static str, String), BTreeSet<String>>;

/// A step from a document's root.
#[derive(Clone)]
enum Step {
    Key(String),
    Index(usize),
}

/// One document, and where the parts of it stand in the schemas.
struct Walk<'s> {
    schemas: &'s Schemas,
    base: &'s Path,
    document: &'s Table,
    told: &'s mut Told,
}

struct Schemas(BTreeMap<&'static str, Json>);

impl Schemas {
    fn read() -> Self {
        Self([CONFIGURATION, PROVIDER].map(|name| (name, serde_json::from_str(&text_of(name)).unwrap())).into())
    }

    /// The schema that a reference stands for.
    fn resolved(&self, file: &'static str, pointer: &str) -> (&'static str, String) {
        let schema = self.at(file, pointer);
        match schema.get("$ref").and_then(Json::as_str) {
            None => (file, pointer.to_owned()),
            Some(PROVIDER) => (PROVIDER, String::new()),
            Some(local) => self.resolved(file, local.strip_prefix('#').unwrap()),
        }
    }

    fn at(&self, file: &'static str, pointer: &str) -> &Json {
        self.0[file].pointer(pointer).unwrap_or_else(|| panic!("{file}: nothing at {pointer}"))
    }

    /// Every closed object and every list of words.
    fn told_of(&self) -> Told {
        let mut told = Told::new();
        for (file, schema) in &self.0 {
            collect(file, schema, "", &mut told);
        }
        told
    }
}

fn collect(file: &'static str, schema: &Json, pointer: &str, told: &mut Told) {
    if let Some(words) = schema.get("enum").and_then(Json::as_array) {
        let words = words.iter().map(|word| word.as_str().unwrap().to_owned()).collect();
        told.insert((file, pointer.to_owned()), words);
    }
    if schema.get("additionalProperties") == Some(&Json::Bool(false)) {
        let keys = schema["properties"].as_object().unwrap().keys().cloned().collect();
        told.insert((file, pointer.to_owned()), keys);
    }
    match schema {
        Json::Object(members) => {
            members.iter().for_each(|(key, member)| collect(file, member, &format!("{pointer}/{}", escaped(key)), told));
        }
        Json::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| collect(file, item, &format!("{pointer}/{index}"), told));
        }
        _ => {}
    }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

impl Walk<'_> {
    /// Asks about the value at a path, and goes on below it.
    fn visit(&mut self, path: &[Step], value: &Value, file: &'static str, pointer: &str) {
        let (file, pointer) = self.schemas.resolved(file, pointer);
        let schema = self.schemas.at(file, &pointer);
        match value {
            Value::Table(table) => self.table(path, table, file, &pointer),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let below = [path, &[Step::Index(index)]].concat();
                    if schema.get("items").is_some() {
                        self.visit(&below, item, file, &format!("{pointer}/items"));
                    }
                }
            }
            _ if schema.get("enum").is_some() => {
                let words = self.words_at(path);
                self.told.entry((file, pointer)).or_default().extend(words);
            }
            _ => {}
        }
    }

    fn table(&mut self, path: &[Step], table: &Table, file: &'static str, pointer: &str) {
        let schema = self.schemas.at(file, pointer);
        if schema.get("additionalProperties") == Some(&Json::Bool(false)) {
            let keys = self.keys_at(path);
            self.told.entry((file, pointer.to_owned())).or_default().extend(keys);
        }
        for (key, value) in table {
            let below = [path, &[Step::Key(key.clone())]].concat();
            let member = format!("{pointer}/properties/{}", escaped(key));
            if self.schemas.0[file].pointer(&member).is_some() {
                self.visit(&below, value, file, &member);
            } else if schema["additionalProperties"].is_object() {
                self.visit(&below, value, file, &format!("{pointer}/additionalProperties"));
            }
        }
    }

    /// The keys that the reader of a table asks for.
    fn keys_at(&self, path: &[Step]) -> BTreeSet<String> {
        let mut changed = Value::Table(self.document.clone());
        at(&mut changed, path).as_table_mut().unwrap().insert(UNKNOWN.to_owned(), Value::Boolean(true));
        let faults = self.faults(&changed);
        let told = faults.iter().find(|fault| fault.key.ends_with(UNKNOWN) && fault.reason == "is no key of this table");
        let told = told.unwrap_or_else(|| panic!("an unknown key in {} is not told", dotted(path)));
        let keys = told.hint.strip_prefix("known keys: ").unwrap_or_else(|| panic!("{}", told.hint));
        keys.split(", ").map(str::to_owned).collect()
    }

    /// The words that the reader of a value takes.
    fn words_at(&self, path: &[Step]) -> BTreeSet<String> {
        let mut changed = Value::Table(self.document.clone());
        *at(&mut changed, path) = Value::String(UNKNOWN.to_owned());
        let faults = self.faults(&changed);
        let key = dotted(path);
        let told = faults.iter().find(|fault| fault.key == key && fault.reason.starts_with("must be \""));
        let told = told.unwrap_or_else(|| panic!("an unknown word in {key} is not told: {faults:?}"));
        // Every second piece stands inside quotes.
        told.reason.split('"').skip(1).step_by(2).map(str::to_owned).collect()
    }

    fn faults(&self, document: &Value) -> Vec<Fault> {
        let text = toml::to_string(document).unwrap();
        config::parse("hookward.toml", &text, self.base).err().unwrap_or_default()
    }
}

fn at<'v>(value: &'v mut Value, path: &[Step]) -> &'v mut Value {
    path.iter().fold(value, |value, step| match step {
        Step::Key(key) => &mut value[key.as_str()],
        Step::Index(index) => &mut value[*index],
    })
}

fn dotted(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.extend([".", key]),
            Step::Index(index) => text.extend(["[", &index.to_string(), "]"]),
        }
    }
    text
}

fn text_of(name: &str) -> String {
    fs::read_to_string(Path::new("docs/schema").join(name)).unwrap()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    files
}

/// What all readers tell of all tables that stand anywhere in the repository.
fn asked(schemas: &Schemas) -> Told {
    let mut told = Told::new();
    let mut configurations = files("tests/configs/good");
    configurations.push(PathBuf::from("config.example.toml"));
    for path in configurations {
        let document: Table = toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let mut walk = Walk { schemas, base: path.parent().unwrap(), document: &document, told: &mut told };
        walk.visit(&[], &Value::Table(document.clone()), CONFIGURATION, "");
    }
    for path in files("src/provider/presets") {
        let preset: Table = toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let document = Table::from_iter([(
            "provider".to_owned(),
            Value::Table(Table::from_iter([("own".to_owned(), Value::Table(preset.clone()))])),
        )]);
        let steps = [Step::Key("provider".to_owned()), Step::Key("own".to_owned())];
        let mut walk = Walk { schemas, base: Path::new("."), document: &document, told: &mut told };
        walk.visit(&steps, &Value::Table(preset), PROVIDER, "");
    }
    told
}

#[test]
fn the_schemas_have_the_keys_and_words_that_the_readers_ask_for() {
    let schemas = Schemas::read();
    let (mut asked, stated) = (asked(&schemas), schemas.told_of());
    if std::env::var_os("HOOKWARD_BLESS").is_some() {
        bless(&schemas, &asked);
        return;
    }
    for ((file, pointer), stated) in stated {
        let asked = asked.remove(&(file, pointer.clone()));
        let asked = asked.unwrap_or_else(|| panic!("{file}: no configuration has {pointer}: add one to tests/configs/good"));
        assert_eq!(
            stated, asked,
            "{file} at {pointer}: HOOKWARD_BLESS=1 cargo test --test schema, then say what a new key may be"
        );
    }
    assert!(asked.is_empty(), "{asked:?}");
}

fn bless(schemas: &Schemas, asked: &Told) {
    for (file, schema) in &schemas.0 {
        let mut schema = schema.clone();
        for ((_, pointer), asked) in asked.iter().filter(|((of, _), _)| of == file) {
            let place = schema.pointer_mut(pointer).unwrap();
            if let Some(words) = place.get_mut("enum") {
                *words = asked.iter().cloned().collect();
                continue;
            }
            let keys = place["properties"].as_object_mut().unwrap();
            keys.retain(|key, _| asked.contains(key));
            for key in asked {
                keys.entry(key).or_insert_with(|| Json::Object(serde_json::Map::new()));
            }
        }
        fs::write(Path::new("docs/schema").join(file), format!("{schema:#}\n")).unwrap();
    }
}
