//! Reads the command line, and says in one line what is wrong with it: what was meant instead where
//! that can be guessed, and where help is. Decides nothing about the commands themselves.

use std::ffi::OsString;

use clap::{
    Command, CommandFactory, Parser,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{
    cli::Cli,
    exit::{Failure, one_line},
    leash,
};

/// Begins the name of every environment variable that is an option.
const PREFIX: &str = "EXPEDITOR_";

/// Reads the command line. `Ok(Err(text))` is help or the version, to be printed as it is.
pub fn parse<I, T>(arguments: I) -> Result<Result<Cli, String>, Failure>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => Ok(Ok(cli)),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(Err(error.to_string())),
            _ => Err(Failure::Usage(complaint(&error, &arguments))),
        },
    }
}

/// What there is to do: printed where no command is given.
pub fn overview() -> String {
    Cli::command().render_help().to_string()
}

/// A line for each variable that looks like an option and is none: it was meant to do something.
pub fn unknown_variables(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut known = Vec::new();
    variables(&Cli::command(), &mut known);
    let known_to = |name: &String| known.contains(name) || name == leash::VARIABLE;
    let unknown = |name: &String| name.starts_with(PREFIX) && !known_to(name);
    let told = |name: String| {
        let nearest = known.iter().min_by_key(|it| strsim::damerau_levenshtein(it, &name));
        let nearest = nearest.map_or("", String::as_str);
        one_line(&format!("{name} in the environment is no option; did you mean {nearest}?"))
    };
    names.into_iter().filter(unknown).map(told).collect()
}

fn variables(command: &Command, known: &mut Vec<String>) {
    let names = command.get_arguments().filter_map(clap::Arg::get_env);
    known.extend(names.filter_map(|name| name.to_str().map(str::to_owned)));
    command.get_subcommands().for_each(|sub| variables(sub, known));
}

/// What is wrong, in one line.
fn complaint(error: &clap::Error, arguments: &[OsString]) -> String {
    let (path, command) = meant(arguments);
    let wrong = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
            format!("`{path}` wants a subcommand: {}", names.join(", "))
        }
        _ => plain(&first_paragraph(&error.to_string())),
    };
    let guess = guess(error).map_or(String::new(), |guess| format!("; did you mean '{guess}'?"));
    let then = if guess.is_empty() { ";" } else { "" };
    format!("{wrong}{guess}{then} see `{path} --help`")
}

/// The command that the arguments lead to, as it is typed.
fn meant(arguments: &[OsString]) -> (String, Command) {
    let (mut path, mut command) = ("expeditor".to_owned(), Cli::command());
    for word in arguments.iter().skip(1).filter_map(|word| word.to_str()) {
        if let Some(sub) = command.find_subcommand(word).cloned() {
            path.extend([" ", word]);
            command = sub;
        }
    }
    (path, command)
}

/// What was probably meant.
fn guess(error: &clap::Error) -> Option<String> {
    use ContextKind::{SuggestedArg, SuggestedSubcommand, SuggestedValue};
    let kinds = [SuggestedSubcommand, SuggestedArg, SuggestedValue];
    kinds.into_iter().find_map(|kind| match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        // The last one is the likeliest.
        ContextValue::Strings(texts) => texts.last().cloned(),
        _ => None,
    })
}

fn first_paragraph(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    one_line(text.split("\n\n").next().unwrap_or(text))
}

/// The words of the language's own parsers, as people say it.
fn plain(text: &str) -> String {
    text.replace("invalid digit found in string", "a whole number from 0 on is wanted")
        .replace("cannot parse integer from empty string", "a whole number from 0 on is wanted")
        .replace("number too large to fit in target type", "the number is too large")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_command_the_overview_names_each_with_a_line_and_two_examples() {
        let text = overview();
        for command in [
            "demo", "dev", "serve", "keys", "token", "audit", "bench", "saga", "ready", "graph",
            "schemas", "asyncapi", "migrate", "help",
        ] {
            assert!(text.contains(&format!("\n  {command} ")), "{command} is missing in\n{text}");
        }
        assert!(text.contains("expeditor demo --orders 500 --seed 7"));
        assert!(text.contains("expeditor dev --data ./data"));
        let bare = parse(["expeditor"]).unwrap().unwrap();
        assert!(bare.command.is_none());
    }

    #[test]
    fn help_is_a_subcommand_and_an_option() {
        for asked in [&["expeditor", "help", "saga"][..], &["expeditor", "saga", "--help"]] {
            let text = parse(asked).unwrap().unwrap_err();
            assert!(text.contains("\n  history "), "{asked:?}: {text}");
        }
    }

    #[test]
    fn a_wrong_command_line_is_one_line_that_says_what_to_do() {
        for (wrong, says) in [
            ("dmo", "did you mean 'demo'? see `expeditor --help`"),
            ("demo --oders 3", "did you mean '--orders'? see `expeditor demo --help`"),
            ("demo --orders many", "a whole number"),
            ("demo --orders -1", "-1 is not in"),
            ("demo --seed -1", "a whole number from 0 on"),
            ("demo --rate 0", "above 0"),
            ("demo --rate -1", "above 0"),
            ("dev --listen 8080", "127.0.0.1:8080"),
            ("bench orders --actors robots", "auto, http"),
            ("bench orders --orders 0", "0 is not in"),
            ("saga", "`expeditor saga` wants a subcommand: list, show, history; see"),
            ("saga show", "<SAGA>"),
            ("saga list --status stcuk", "did you mean 'stuck'?"),
            ("saga list --step cook", "cook-start, capture"),
            ("saga list --limit 501", "501 is not in 1..=500"),
            ("saga list --url localhost:8080", "http://"),
            ("schemas order-plcaed", "did you mean 'order-placed'?"),
            ("token --role admin", "customer, store, cook, rider, operator, auditor, service"),
            ("token --role cook --ttl 1", "such as 90s, 15m, 1h or 30d"),
            ("token --role cook --subject 김", "1 to 128 visible ASCII"),
            ("keys", "<FILE>"),
            ("keys a.json --alg rs256", "hs256, ed25519"),
            ("migrate kitchen", "orchestrator, payment, store, cook, rider"),
        ] {
            let words = std::iter::once("expeditor").chain(wrong.split(' '));
            let failure = parse(words).unwrap_err();
            let text = failure.to_string();
            assert_eq!(failure.status(), 2, "{wrong}");
            assert!(text.contains(says), "{wrong}: {text}");
            assert!(text.contains("--help`") && !text.contains('\n'), "{text}");
            assert!(!text.starts_with("error"), "{text}");
        }
    }

    #[test]
    fn a_variable_that_is_no_option_is_told_with_the_nearest_one() {
        let of = |name: &str| unknown_variables([name.to_owned()]);
        for (name, nearest) in [
            ("EXPEDITOR_LITSEN", "EXPEDITOR_LISTEN"),
            ("EXPEDITOR_LOG_FROMAT", "EXPEDITOR_LOG_FORMAT"),
            ("EXPEDITOR_DATA_DIR", "EXPEDITOR_DATA"),
        ] {
            let told = of(name);
            assert!(told[0].contains(name) && told[0].contains(nearest), "{told:?}");
        }
        for fine in ["EXPEDITOR_LISTEN", "EXPEDITOR_STATUS", "PATH"] {
            assert!(of(fine).is_empty(), "{fine}");
        }
    }
}
