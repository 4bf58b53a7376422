//! Names of interfaces with wildcards, as a user gives them.

/// Whether a name fits a pattern: `*` stands for any characters, also none, and `?` for exactly one.
///
/// Takes at most (length of the pattern) × (length of the name) steps.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Behind the last star, and how much of the name that star has taken.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                p += 1;
                star = Some((p, n));
            }
            Some(&letter) if letter == '?' || letter == name[n] => (p, n) = (p + 1, n + 1),
            _ => {
                let Some((behind, taken)) = star else { return false };
                star = Some((behind, taken + 1));
                (p, n) = (behind, taken + 1);
            }
        }
    }
    pattern[p..].iter().all(|&letter| letter == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_and_question_marks_stand_for_other_characters() {
        let names = ["tap0", "tap1", "tap10", "macvtap0", "br-tap", ""];
        let fitting = |pattern: &str| names.iter().filter(|name| matches(pattern, name)).copied().collect::<Vec<_>>().join(" ");
        assert_eq!(fitting("tap*"), "tap0 tap1 tap10");
        assert_eq!(fitting("tap?"), "tap0 tap1");
        assert_eq!(fitting("*tap*0"), "tap0 tap10 macvtap0");
        assert_eq!(fitting("tap0"), "tap0");
        assert_eq!(fitting("*"), "tap0 tap1 tap10 macvtap0 br-tap ");
        assert_eq!(fitting(""), "");
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        assert!(!matches(&"*a".repeat(500), &"a".repeat(400)));
    }
}
