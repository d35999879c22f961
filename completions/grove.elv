
use builtin;
use str;

set edit:completion:arg-completer[grove] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'grove'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'grove'= {
            cand --home 'Keep identity, settings and caches here'
            cand --bind 'Listen at this port or address, such as 4433 or 192.0.2.7:4433'
            cand --json 'Print one JSON object a line instead of text'
            cand -q 'Print only the result and errors'
            cand --quiet 'Print only the result and errors'
            cand -v 'Explain what is done; twice for the network too'
            cand --verbose 'Explain what is done; twice for the network too'
            cand --offline 'Use no relay and no directory'
            cand --no-lan 'Do not look for peers on the local network'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand share 'Share files and folders; prints a ticket and serves until Ctrl-C'
            cand get 'Fetch what a ticket names, or go on where that stopped'
            cand ls 'List what a ticket names, without fetching it'
            cand id 'Print the id that peers know you by'
            cand cache 'Show or remove what is kept to save work'
            cand completions 'Print a script that lets a shell complete Grove''s commands'
            cand man 'Print a manual page'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'grove;share'= {
            cand --name 'The name that standard input gets at the other side'
            cand --exclude 'Leave out what matches (may be repeated)'
            cand --max-gets 'End after this many complete fetches'
            cand --expire 'End after this time, such as 2h; the ticket says when'
            cand --for 'Serve only the peer with this id (may be repeated)'
            cand --limit-rate 'Most bytes a second'
            cand --home 'Keep identity, settings and caches here'
            cand --bind 'Listen at this port or address, such as 4433 or 192.0.2.7:4433'
            cand --gitignore 'Leave out what .gitignore files say'
            cand --strict 'Refuse when something cannot be shared'
            cand --skip-unreadable 'Leave out what cannot be read, instead of refusing'
            cand --snapshot 'Share a copy, so that later changes do not matter'
            cand --once 'End after one complete fetch'
            cand --fresh 'Forget who fetched this before the share was stopped'
            cand --qr 'Show the ticket as a QR code too'
            cand --copy 'Put the ticket on the clipboard too'
            cand --json 'Print one JSON object a line instead of text'
            cand -q 'Print only the result and errors'
            cand --quiet 'Print only the result and errors'
            cand -v 'Explain what is done; twice for the network too'
            cand --verbose 'Explain what is done; twice for the network too'
            cand --offline 'Use no relay and no directory'
            cand --no-lan 'Do not look for peers on the local network'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'grove;get'= {
            cand -o 'Write into this folder, or - for standard output'
            cand --output 'Write into this folder, or - for standard output'
            cand --only 'Fetch only paths that match (may be repeated)'
            cand --wait 'How long nothing may happen'
            cand --max-size 'Refuse what is larger than this, such as 20G'
            cand --limit-rate 'Most bytes a second'
            cand --home 'Keep identity, settings and caches here'
            cand --bind 'Listen at this port or address, such as 4433 or 192.0.2.7:4433'
            cand --overwrite 'Replace other files that are in the way'
            cand --rename 'Take another name where something is in the way'
            cand --skip 'Leave what is in the way, do not fetch the new one'
            cand -y 'Do not ask anything'
            cand --yes 'Do not ask anything'
            cand --verify 'Read again what is here, instead of trusting records'
            cand --fsync 'Have every file on the disk before it gets its name'
            cand --json 'Print one JSON object a line instead of text'
            cand -q 'Print only the result and errors'
            cand --quiet 'Print only the result and errors'
            cand -v 'Explain what is done; twice for the network too'
            cand --verbose 'Explain what is done; twice for the network too'
            cand --offline 'Use no relay and no directory'
            cand --no-lan 'Do not look for peers on the local network'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'grove;ls'= {
            cand --only 'List only paths that match (may be repeated)'
            cand --wait 'How long nothing may happen'
            cand --home 'Keep identity, settings and caches here'
            cand --bind 'Listen at this port or address, such as 4433 or 192.0.2.7:4433'
            cand --tree 'Show folders and what is in them as a tree'
            cand --json 'Print one JSON object a line instead of text'
            cand -q 'Print only the result and errors'
            cand --quiet 'Print only the result and errors'
            cand -v 'Explain what is done; twice for the network too'
            cand --verbose 'Explain what is done; twice for the network too'
            cand --offline 'Use no relay and no directory'
            cand --no-lan 'Do not look for peers on the local network'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'grove;id'= {
            cand --home 'Keep identity, settings and caches here'
            cand --bind 'Listen at this port or address, such as 4433 or 192.0.2.7:4433'
            cand --json 'Print one JSON object a line instead of text'
            cand -q 'Print only the result and errors'
            cand --quiet 'Print only the result and errors'
            cand -v 'Explain what is done; twice for the network too'
            cand --verbose 'Explain what is done; twice for the network too'
            cand --offline 'Use no relay and no directory'
            cand --no-lan 'Do not look for peers on the local network'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'grove;cache'= {
            cand --home 'Keep identity, settings and caches here'
            cand --bind 'Listen at this port or address, such as 4433 or 192.0.2.7:4433'
            cand --json 'Print one JSON object a line instead of text'
            cand -q 'Print only the result and errors'
            cand --quiet 'Print only the result and errors'
            cand -v 'Explain what is done; twice for the network too'
            cand --verbose 'Explain what is done; twice for the network too'
            cand --offline 'Use no relay and no directory'
            cand --no-lan 'Do not look for peers on the local network'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand list 'Show what is kept, and how much room it takes'
            cand clear 'Remove everything that no running share uses'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'grove;cache;list'= {
            cand --home 'Keep identity, settings and caches here'
            cand --bind 'Listen at this port or address, such as 4433 or 192.0.2.7:4433'
            cand --json 'Print one JSON object a line instead of text'
            cand -q 'Print only the result and errors'
            cand --quiet 'Print only the result and errors'
            cand -v 'Explain what is done; twice for the network too'
            cand --verbose 'Explain what is done; twice for the network too'
            cand --offline 'Use no relay and no directory'
            cand --no-lan 'Do not look for peers on the local network'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'grove;cache;clear'= {
            cand --home 'Keep identity, settings and caches here'
            cand --bind 'Listen at this port or address, such as 4433 or 192.0.2.7:4433'
            cand --json 'Print one JSON object a line instead of text'
            cand -q 'Print only the result and errors'
            cand --quiet 'Print only the result and errors'
            cand -v 'Explain what is done; twice for the network too'
            cand --verbose 'Explain what is done; twice for the network too'
            cand --offline 'Use no relay and no directory'
            cand --no-lan 'Do not look for peers on the local network'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'grove;cache;help'= {
            cand list 'Show what is kept, and how much room it takes'
            cand clear 'Remove everything that no running share uses'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'grove;cache;help;list'= {
        }
        &'grove;cache;help;clear'= {
        }
        &'grove;cache;help;help'= {
        }
        &'grove;completions'= {
            cand --home 'Keep identity, settings and caches here'
            cand --bind 'Listen at this port or address, such as 4433 or 192.0.2.7:4433'
            cand --json 'Print one JSON object a line instead of text'
            cand -q 'Print only the result and errors'
            cand --quiet 'Print only the result and errors'
            cand -v 'Explain what is done; twice for the network too'
            cand --verbose 'Explain what is done; twice for the network too'
            cand --offline 'Use no relay and no directory'
            cand --no-lan 'Do not look for peers on the local network'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'grove;man'= {
            cand --dir 'Write all pages into this folder instead'
            cand --home 'Keep identity, settings and caches here'
            cand --bind 'Listen at this port or address, such as 4433 or 192.0.2.7:4433'
            cand --json 'Print one JSON object a line instead of text'
            cand -q 'Print only the result and errors'
            cand --quiet 'Print only the result and errors'
            cand -v 'Explain what is done; twice for the network too'
            cand --verbose 'Explain what is done; twice for the network too'
            cand --offline 'Use no relay and no directory'
            cand --no-lan 'Do not look for peers on the local network'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'grove;help'= {
            cand share 'Share files and folders; prints a ticket and serves until Ctrl-C'
            cand get 'Fetch what a ticket names, or go on where that stopped'
            cand ls 'List what a ticket names, without fetching it'
            cand id 'Print the id that peers know you by'
            cand cache 'Show or remove what is kept to save work'
            cand completions 'Print a script that lets a shell complete Grove''s commands'
            cand man 'Print a manual page'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'grove;help;share'= {
        }
        &'grove;help;get'= {
        }
        &'grove;help;ls'= {
        }
        &'grove;help;id'= {
        }
        &'grove;help;cache'= {
            cand list 'Show what is kept, and how much room it takes'
            cand clear 'Remove everything that no running share uses'
        }
        &'grove;help;cache;list'= {
        }
        &'grove;help;cache;clear'= {
        }
        &'grove;help;completions'= {
        }
        &'grove;help;man'= {
        }
        &'grove;help;help'= {
        }
    ]
    $completions[$command]
}
