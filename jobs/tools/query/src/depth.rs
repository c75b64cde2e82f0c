//! How deep SQL nests. Parser, planner and optimiser go down into expressions by recursion, so what
//! nests without end would overflow the stack: it is refused before. Counted on the tokens, for
//! whoever parses has gone down already: parentheses and cases, and chains of operators, joins and
//! unions, each of which becomes the left side of the next.

use table::datafusion::sql::sqlparser::dialect::GenericDialect;
use table::datafusion::sql::sqlparser::keywords::Keyword;
use table::datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// How deep SQL may nest. The program's stacks are made for it.
pub const MOST: usize = 1_000;

/// SQL that nests too deep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the SQL nests deeper than {MOST} at line {line}, column {column}: parentheses, or a chain of \
     operators, joins or unions; expected less, such as `x IN (…)` for many `x = … OR`, or several \
     queries"
)]
pub struct TooDeep {
    /// Where it is too deep first, from 1.
    pub line: u64,
    /// Where in the line, from 1.
    pub column: u64,
}

/// What one pair of parentheses, or a whole text, holds so far.
#[derive(Debug, Default, Clone, Copy)]
struct Level {
    operators: usize,
    joins: usize,
    unions: usize,
    in_from: bool,
    is_case: bool,
}

impl Level {
    const fn depth(&self) -> usize {
        1 + self.operators + self.joins + self.unions
    }

    /// A new clause: the expression before it is over.
    const fn clause(&mut self) {
        self.operators = 0;
    }
}

/// Refuses what nests too deep. Text that has no tokens is left to the parser to refuse.
///
/// # Errors
/// [`TooDeep`].
pub fn check(sql: &str) -> Result<(), TooDeep> {
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location() else {
        return Ok(());
    };
    let mut levels = vec![Level::default()];
    // the sum of all levels but the last
    let mut below = 0;
    for token in &tokens {
        let Some(level) = levels.last_mut() else { break };
        match &token.token {
            Token::LParen => {
                below += level.depth();
                levels.push(Level::default());
            }
            Token::RParen => up(&mut levels, &mut below, false),
            Token::Comma if level.in_from => level.joins += 1,
            Token::Comma | Token::SemiColon => level.clause(),
            Token::Word(word) => match word.keyword {
                Keyword::CASE => {
                    below += level.depth();
                    levels.push(Level { is_case: true, ..Level::default() });
                }
                Keyword::END => up(&mut levels, &mut below, true),
                Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT => {
                    *level = Level { unions: level.unions + 1, ..Level::default() };
                }
                Keyword::JOIN => {
                    level.joins += 1;
                    level.clause();
                }
                Keyword::FROM => {
                    level.in_from = true;
                    level.clause();
                }
                Keyword::SELECT
                | Keyword::WHERE
                | Keyword::GROUP
                | Keyword::ORDER
                | Keyword::HAVING
                | Keyword::LIMIT => {
                    level.in_from = false;
                    level.clause();
                }
                Keyword::ON | Keyword::WHEN | Keyword::THEN | Keyword::ELSE => level.clause(),
                Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::IS
                | Keyword::LIKE
                | Keyword::BETWEEN
                | Keyword::IN => level.operators += 1,
                _ => {}
            },
            Token::Whitespace(_)
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::Period
            | Token::EOF => {}
            // whatever else there is joins two sides, or stands before one
            _ => level.operators += 1,
        }
        if below + levels.last().map_or(0, Level::depth) > MOST {
            let at = token.span.start;
            return Err(TooDeep { line: at.line, column: at.column });
        }
    }
    Ok(())
}

/// The end of parentheses, or of a case; one that does not fit is for the parser to refuse.
fn up(levels: &mut Vec<Level>, below: &mut usize, is_case: bool) {
    if levels.len() > 1 && levels.last().is_some_and(|level| level.is_case == is_case) {
        levels.pop();
        *below -= levels.last().map_or(0, Level::depth);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nests_or_chains_is_counted_and_lists_are_not() {
        let expect_of = |sql: String, expect: bool| {
            let found = check(&sql);
            assert_eq!(found.is_ok(), expect, "{}: {found:?}", &sql[..sql.len().min(60)]);
        };
        for (n, expect) in [(MOST - 10, true), (MOST + 10, false)] {
            let times = |text: &str| text.repeat(n);
            expect_of(format!("SELECT {}1{}", times("("), times(")")), expect);
            expect_of(format!("SELECT 1 FROM t WHERE a = 1{}", times(" OR a")), expect);
            expect_of(format!("SELECT 1{}", times(" + 1")), expect);
            expect_of(format!("SELECT {} 1", times("- ")), expect);
            expect_of(format!("SELECT {} TRUE", times("NOT ")), expect);
            expect_of(format!("SELECT a{} FROM t", times("::int")), expect);
            expect_of(format!("SELECT 1{}", times(" UNION ALL SELECT 1")), expect);
            expect_of(format!("SELECT 1 FROM t{}", times(", t")), expect);
            expect_of(format!("SELECT 1 FROM t{}", times(" CROSS JOIN t")), expect);
            expect_of(
                format!("SELECT {}1{}", times("CASE WHEN a THEN 1 ELSE "), times(" END")),
                expect,
            );
        }
        // long, and not deep
        expect_of(format!("SELECT a IN (1{})", ", 1".repeat(100_000)), true);
        expect_of(format!("SELECT 1{}", ", a + b * c".repeat(10_000)), true);
        expect_of(format!("SELECT {}1", "(a + b) * (c), ".repeat(10_000)), true);
        expect_of(format!("SELECT CASE {} END", "WHEN a = 1 THEN b + 1 ".repeat(10_000)), true);
        expect_of(format!("SELECT '{}'", "(".repeat(10_000)), true);
        expect_of(")))) SELECT 1 END".to_owned(), true);
        expect_of("'".to_owned(), true);
    }

    #[test]
    fn the_place_is_told() {
        let sql = format!("SELECT\n{}", "(".repeat(MOST + 5));
        let error = check(&sql).unwrap_err();
        assert_eq!((error.line, error.column), (2, MOST as u64));
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
