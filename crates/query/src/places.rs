//! Places in the text of a statement, as its tokens have them: lines, and characters within a line, from 1.

use datafusion::sql::sqlparser::tokenizer::Location;

/// The characters of a text: where each is, the byte it begins at, and what it is.
pub(crate) fn characters(text: &str) -> impl Iterator<Item = (Location, usize, char)> {
    let first = Location { line: 1, column: 1 };
    text.char_indices().scan(first, |next, (byte, character)| {
        let at = *next;
        *next = match character {
            '\n' => Location {
                line: at.line + 1,
                column: 1,
            },
            _ => Location {
                column: at.column + 1,
                ..at
            },
        };
        Some((at, byte, character))
    })
}

/// The text from a place on, with blanks before it: what is left stays where it is.
pub(crate) fn blanked_before(text: &str, start: Location) -> String {
    let characters =
        characters(text).map(
            |(at, _, character)| match at < start && !character.is_whitespace() {
                true => ' ',
                false => character,
            },
        );
    characters.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_stays_where_it_is() {
        let text = "CREATE MODEL ü\n USING pca AS SELECT ß\n FROM t";
        let start = Location {
            line: 2,
            column: 15,
        };
        let expected = "              \n              SELECT ß\n FROM t";
        assert_eq!(blanked_before(text, start), expected);
    }
}
