//! The manual pages: one for the program and one for each of its commands.

use std::fs;
use std::io;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;

/// Writes the pages of a program and of all its commands into a folder.
pub(crate) fn write_pages(program: Command, folder: &Path) -> io::Result<()> {
    let mut program = program.disable_help_subcommand(true);
    program.build();
    fs::create_dir_all(folder)?;
    write_pages_of(&program, &program, folder)
}

fn write_pages_of(program: &Command, command: &Command, folder: &Path) -> io::Result<()> {
    let mut commands = command.get_subcommands();
    commands.try_for_each(|command| write_pages_of(program, command, folder))?;
    // Groups of options are for the help; a manual page has one section of them.
    let page = Man::new(command.clone().mut_args(|argument| argument.help_heading(None)))
        .source(concat!("dkv20 ", env!("CARGO_PKG_VERSION")))
        .manual("dkv20");
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    if command.has_subcommands() {
        page.render_subcommands_section(&mut text)?;
    }
    for (heading, words) in [("EXIT STATUS", "Exit status:"), ("EXAMPLES", "Example")] {
        let own = section(command, words).or_else(|| section(program, words));
        text.extend(format!(".SH \"{heading}\"\n{}", own.unwrap_or_default()).bytes());
    }
    fs::write(folder.join(page.get_filename()), text)
}

/// Returns the paragraph after the help that begins with these words, as roff.
fn section(command: &Command, words: &str) -> Option<String> {
    let help = command.get_after_help()?.to_string();
    let paragraph = help.split("\n\n").find(|paragraph| paragraph.starts_with(words))?;
    let (_, body) = paragraph.split_once(':')?;
    let mut text = String::new();
    for line in body.trim_start_matches('\n').lines() {
        // An example is a line of its own, which is not filled.
        match line.strip_prefix("  ") {
            Some(example) => text += &format!(".PP\n.nf\n{}\n.fi\n", escaped(example)),
            None => text += &format!("{}\n", escaped(line.trim_start())),
        }
    }
    Some(text)
}

/// Returns a line of text without what means something to roff.
fn escaped(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}
