//! The command line of a measurement, without what `cargo bench` adds.

#![allow(dead_code, reason = "each benchmark uses its part")]

/// The words after the program.
pub struct Arguments(Vec<String>);

impl Arguments {
    /// Those of this program.
    pub fn read() -> Self {
        Self(std::env::args().skip(1).filter(|word| word != "--bench").collect())
    }

    /// Whether a word is given.
    pub fn asked(&self, word: &str) -> bool {
        self.0.iter().any(|given| given == word)
    }

    /// What stands after a word.
    pub fn after(&self, word: &str) -> Option<&str> {
        self.0.iter().position(|given| given == word).and_then(|at| self.0.get(at + 1)).map(String::as_str)
    }

    /// The number after a word.
    pub fn number(&self, word: &str, default: u64) -> u64 {
        self.after(word).map_or(default, |text| text.parse().unwrap())
    }
}
