//! `cargo xtask mutants`: switches on one seeded bug after another and looks whether every layer of
//! tests that must notice it does. All of them are compiled in already; one is chosen by the
//! environment when a program starts.
//!
//! First each layer is run without a mutant: a layer that fails on its own notices nothing.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use mutants::{Layer, Mutant, VARIABLE};

use crate::{Failure, services::ForTests};

mod layers;
mod places;
mod programs;
mod trial;

use programs::Programs;
use trial::Outcome;

/// How much longer than without a mutant a layer may take before it counts as one that never ends.
const LONGER: u32 = 4;
/// The least time that it has.
const LEAST: Duration = Duration::from_secs(20);
/// How many are tried at the same time, beyond one for each core: some only wait for servers.
const FURTHER: usize = 1;

/// What is wished for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Only the mutants whose name contains this.
    pub(crate) only: Option<String>,
    /// On every layer, also those that need not notice.
    pub(crate) everywhere: bool,
}

/// Something to be run: a layer, with a mutant or with none.
type Trial = (Option<&'static Mutant>, Layer);

/// Tries them. Answers the closing line.
pub(crate) fn run(root: &Path, wish: &Wish) -> Result<String, Failure> {
    let wanted = |it: &&Mutant| wish.only.as_ref().is_none_or(|part| it.name.contains(part));
    let mut chosen: Vec<&'static Mutant> = mutants::all().filter(wanted).collect();
    if chosen.is_empty() {
        return Err(Failure::Usage("there is no mutant of such a name".to_owned()));
    }
    // The long ones first, so that none is waited for in the end.
    chosen.sort_by_key(|mutant| std::cmp::Reverse(mutant.caught_by.last()));
    let layers_of = |mutant: &Mutant| {
        if wish.everywhere { Layer::ALL.to_vec() } else { mutant.caught_by.to_vec() }
    };
    let trials: Vec<Trial> = chosen
        .iter()
        .flat_map(|mutant| layers_of(mutant).into_iter().map(|layer| (Some(*mutant), layer)))
        .collect();
    let mut needed: Vec<Layer> = trials.iter().map(|(_, layer)| *layer).collect();
    needed.sort_unstable_by(|one, other| other.cmp(one));
    needed.dedup();

    nothing_in_a_release(root)?;
    let mut servers = ForTests::default();
    servers.bring()?;
    let bench = Bench::new(Programs::build(root, &needed)?, servers.environment.clone())?;
    let (began, places) = (now(), places::places(root).unwrap_or_default());
    let base = bench.base_line(needed)?;
    let tried = bench.try_all(trials, &base)?;
    let took = now() - began;

    let mut survived = 0;
    for mutant in mutants::all().filter(wanted) {
        let of_it = |(it, _): &Trial| it.is_some_and(|it| it.name == mutant.name);
        let outcomes: BTreeMap<Layer, &Outcome> =
            tried.iter().filter(|(it, _)| of_it(it)).map(|((_, layer), it)| (*layer, it)).collect();
        let well = outcomes.iter().all(|(layer, it)| is_as_it_must_be(mutant, *layer, it));
        survived += usize::from(!well);
        let places = places.get(mutant.name).filter(|_| wish.only.is_some());
        println!("{}", told(mutant, &outcomes, places.map_or(&[], Vec::as_slice)));
    }
    println!();
    let (count, trials) = (chosen.len(), tried.len());
    let line = format!("{count} mutants, {trials} trials in {:.0} s", took.as_secs_f64());
    match survived {
        0 => Ok(format!("{line}: each was caught by every layer that must")),
        _ => Err(Failure::Broken(format!("{line}: {survived} survived a layer that must catch"))),
    }
}

fn is_as_it_must_be(mutant: &Mutant, layer: Layer, outcome: &Outcome) -> bool {
    outcome.noticed.is_some() || !mutant.caught_by.contains(&layer)
}

/// How a mutant fared: which layer noticed it, what of that layer did, and how long it took.
fn told(mutant: &Mutant, outcomes: &BTreeMap<Layer, &Outcome>, places: &[String]) -> String {
    let mut lines = vec![format!("{}: {}", mutant.name, mutant.breaks)];
    lines.extend(places.iter().map(|place| format!("    at {place}")));
    for (layer, outcome) in outcomes {
        let (word, by) = match &outcome.noticed {
            Some(by) => ("caught by", by.as_str()),
            None if is_as_it_must_be(mutant, *layer, outcome) => ("unseen by", ""),
            None => ("SURVIVED ", "nothing noticed it"),
        };
        let (name, took) = (layer.name(), outcome.took.as_secs_f64());
        lines.push(format!("    {word} {name:10} {took:5.1} s  {by}").trim_end().to_owned());
    }
    lines.join("\n")
}

/// Runs the tests of the crate that switches mutants as a release, with the feature on: none is.
fn nothing_in_a_release(root: &Path) -> Result<(), Failure> {
    let words = ["test", "--quiet", "--release", "--package", "mutants", "--features", "seeded"];
    let output = Command::new("cargo").args(words).current_dir(root).output();
    let output = output.map_err(|error| Failure::Missing(format!("cargo: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let told = [output.stdout, output.stderr].concat();
    let what = format!("a release has mutants:\n{}", String::from_utf8_lossy(&told));
    Err(Failure::Broken(what))
}

#[expect(clippy::disallowed_methods, reason = "measures chores; no service runs in here")]
fn now() -> Instant {
    Instant::now()
}

/// Where trials are run.
struct Bench {
    programs: Programs,
    servers: Vec<(&'static str, String)>,
    /// Removed in the end.
    folder: PathBuf,
}

impl Bench {
    fn new(programs: Programs, servers: Vec<(&'static str, String)>) -> Result<Self, Failure> {
        let folder = env::temp_dir().join(format!("expeditor-mutants-{}", process::id()));
        fs::create_dir_all(&folder)
            .map_err(|error| Failure::Missing(format!("{}: {error}", folder.display())))?;
        Ok(Self { programs, servers, folder })
    }

    /// How long each layer takes by itself.
    fn base_line(&self, layers: Vec<Layer>) -> Result<BTreeMap<Layer, Duration>, Failure> {
        let trials = layers.into_iter().map(|layer| (None, layer)).collect();
        let outcomes = self.all(trials, &|_| Duration::from_secs(240))?;
        let mut base = BTreeMap::new();
        for ((_, layer), Outcome { noticed, took }) in outcomes {
            println!("without a mutant, {:10} {:5.1} s", layer.name(), took.as_secs_f64());
            if let Some(by) = noticed {
                let what = format!("{} fails without any mutant: {by}", layer.name());
                return Err(Failure::Broken(what));
            }
            base.insert(layer, took);
        }
        println!();
        Ok(base)
    }

    fn try_all(
        &self,
        trials: Vec<Trial>,
        base: &BTreeMap<Layer, Duration>,
    ) -> Result<Vec<(Trial, Outcome)>, Failure> {
        let usual = |layer: &Layer| base.get(layer).copied().unwrap_or_default();
        self.all(trials, &|layer| (usual(&layer) * LONGER).max(LEAST))
    }

    /// Runs all, several at a time.
    fn all(
        &self,
        trials: Vec<Trial>,
        within: &(dyn Fn(Layer) -> Duration + Sync),
    ) -> Result<Vec<(Trial, Outcome)>, Failure> {
        let left = Mutex::new(trials.into_iter());
        let workers = thread::available_parallelism().map_or(1, usize::from) + FURTHER;
        let work = |number: usize| -> Result<Vec<(Trial, Outcome)>, Failure> {
            let folder = self.folder.join(number.to_string());
            fs::create_dir_all(&folder)
                .map_err(|error| Failure::Missing(format!("{}: {error}", folder.display())))?;
            let mut done = Vec::new();
            loop {
                let next = left.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((mutant, layer)) = next else { return Ok(done) };
                let mut environment = vec![(VARIABLE, mutant.map_or("", |mutant| mutant.name))];
                environment.extend(self.servers.iter().map(|(name, value)| (*name, &**value)));
                let tests = layers::of(layer);
                let outcome =
                    trial::run(&self.programs, tests, &environment, &folder, within(layer))?;
                done.push(((mutant, layer), outcome));
            }
        };
        thread::scope(|scope| {
            let threads: Vec<_> =
                (0..workers).map(|number| scope.spawn(move || work(number))).collect();
            let mut all = Vec::new();
            for thread in threads {
                let panicked = |_| Err(Failure::Broken("a worker panicked".to_owned()));
                all.extend(thread.join().unwrap_or_else(panicked)?);
            }
            Ok(all)
        })
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("xtask: {} stays: {error}", self.folder.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_survives_where_a_layer_that_must_notice_does_not() {
        let mutant =
            Mutant { name: "one", breaks: "a rule", caught_by: &[Layer::Engine, Layer::Model] };
        let outcome = |by: Option<&str>| Outcome {
            noticed: by.map(str::to_owned),
            took: Duration::from_millis(1_250),
        };
        let (caught, survived) = (outcome(Some("a::b")), outcome(None));
        let all = [(Layer::Engine, &caught), (Layer::Path, &survived), (Layer::Model, &survived)];
        assert_eq!(
            told(&mutant, &all.into(), &["a.rs:7".to_owned()]),
            "one: a rule\n    at a.rs:7\n    caught by engine       1.2 s  a::b\n    unseen by path         \
             1.2 s\n    SURVIVED  model        1.2 s  nothing noticed it"
        );
        let as_it_must_be = |(layer, it): &(Layer, &Outcome)| is_as_it_must_be(&mutant, *layer, it);
        assert_eq!(all.each_ref().map(as_it_must_be), [true, true, false]);
    }
}
