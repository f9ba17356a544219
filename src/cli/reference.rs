//! The command line reference in Markdown, written from the argument definitions, so that it cannot be wrong about them.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};

/// The whole page.
#[must_use]
pub fn markdown() -> String {
    let mut root = crate::cli::command();
    root.build();
    let mut page = String::from(INTRODUCTION);
    for command in visible(&root) {
        section(&mut page, command);
    }
    page
}

const INTRODUCTION: &str = "\
# Command line

<!-- Written from the program's own definitions. HOOKWARD_BLESS=1 cargo test --test cli_reference writes it anew. -->

Data goes to stdout, talk to stderr. Exit codes: 0 done, yes, nothing found; 1 the answer is no (findings, a delivery that
does not verify, a broken chain); 2 it could not be done (usage, unreadable or invalid configuration, cannot bind).
Times are Unix seconds or RFC 3339.
";

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help")
}

fn section(page: &mut String, command: &Command) {
    if command.has_subcommands() {
        visible(command).for_each(|nested| section(page, nested));
        return;
    }
    let name = command.get_bin_name().unwrap_or_default();
    let about = command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    // Writing to a string cannot fail.
    let _ = write!(page, "\n## `{name}`\n\n{about}\n\n```text\n{}\n```\n", usage.trim_start_matches("Usage: ").trim_end());
    let mut arguments = command.get_arguments().filter(|argument| is_own(argument)).peekable();
    if arguments.peek().is_some() {
        page.push_str("\n| argument | what it does |\n| --- | --- |\n");
    }
    for argument in arguments {
        let _ = writeln!(page, "| `{}` | {} |", in_cell(&spelling(argument)), in_cell(&meaning(argument)));
    }
}

fn is_own(argument: &Arg) -> bool {
    !argument.is_hide_set() && !matches!(argument.get_action(), ArgAction::Help | ArgAction::HelpLong | ArgAction::HelpShort)
}

fn spelling(argument: &Arg) -> String {
    let mut words: Vec<_> = argument.get_long().map(|long| format!("--{long}")).into_iter().collect();
    if argument.get_action().takes_values() {
        words.extend(argument.get_value_names().unwrap_or_default().iter().map(ToString::to_string));
    }
    let repeats = matches!(argument.get_action(), ArgAction::Append);
    format!("{}{}", words.join(" "), if repeats { "…" } else { "" })
}

fn meaning(argument: &Arg) -> String {
    let mut meaning = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let words: Vec<_> = argument.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    if !words.is_empty() && argument.get_action().takes_values() {
        let _ = write!(meaning, ": {}", words.join(", "));
    }
    if let Some(variable) = argument.get_env() {
        let _ = write!(meaning, "; else `${}`", variable.display());
    }
    if let [default] = argument.get_default_values()
        && argument.get_action().takes_values()
    {
        let _ = write!(meaning, "; default `{}`", default.display());
    }
    meaning
}

fn in_cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_options_defaults_and_variables_are_on_the_page() {
        let page = markdown();
        for text in
            ["## `hookward audit verify`", "`--config FILE`", "$HOOKWARD_CONFIG", "default `hookward.toml`", "`text`, `json`"]
        {
            assert!(page.contains(text), "{text}");
        }
        assert!(!page.contains("--help"));
    }
}
