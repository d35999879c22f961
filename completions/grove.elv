
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
            cand --hub 'Use this hub, not those you joined'
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
            cand doctor 'Find out what keeps people from reaching you, and what to do'
            cand hub 'Run a relay and a directory for your team'
            cand id 'Print the id that peers know you by'
            cand join 'Use a hub instead of public servers; or list those joined'
            cand leave 'Do not use a hub any more'
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
            cand --hub 'Use this hub, not those you joined'
            cand --bind 'Listen at this port or address, such as 4433 or 192.0.2.7:4433'
            cand --gitignore 'Leave out what .gitignore files say'
            cand --strict 'Refuse when something cannot be shared'
            cand --skip-unreadable 'Leave out what cannot be read, instead of refusing'
            cand --snapshot 'Share a copy, so that later changes do not matter'
            cand --once 'End after one complete fetch'
            cand --fresh 'Forget who fetched this before the share was stopped'
            cand --direct-only 'Never use a relay'
            cand --relay-only 'Use relays only, never a direct way'
            cand --short 'Print a ticket without addresses, which is shorter'
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
            cand --hub 'Use this hub, not those you joined'
            cand --bind 'Listen at this port or address, such as 4433 or 192.0.2.7:4433'
            cand --overwrite 'Replace other files that are in the way'
            cand --rename 'Take another name where something is in the way'
            cand --skip 'Leave what is in the way, do not fetch the new one'
            cand -y 'Do not ask anything'
            cand --yes 'Do not ask anything'
            cand --verify 'Read again what is here, instead of trusting records'
            cand --fsync 'Have every file on the disk before it gets its name'
            cand --sparse 'Fetch also what is larger than the free space'
            cand --direct-only 'Never use a relay'
            cand --relay-only 'Use relays only, never a direct way'
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
            cand --hub 'Use this hub, not those you joined'
            cand --bind 'Listen at this port or address, such as 4433 or 192.0.2.7:4433'
            cand --tree 'Show folders and what is in them as a tree'
            cand --direct-only 'Never use a relay'
            cand --relay-only 'Use relays only, never a direct way'
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
        &'grove;doctor'= {
            cand --home 'Keep identity, settings and caches here'
            cand --hub 'Use this hub, not those you joined'
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
        &'grove;hub'= {
            cand --data 'Keep the hub''s files here'
            cand --config 'Read settings from this file, not from hub.toml'
            cand --public-addr 'Clients reach it under this name or address'
            cand --domain 'Get a certificate for this name from Let''s Encrypt'
            cand --acme-contact 'The mail address that Let''s Encrypt may write to'
            cand --acme-directory 'Another authority than Let''s Encrypt: the address of its ACME directory'
            cand --acme-root 'The root of an authority that not everybody knows, PEM'
            cand --cert 'Use this certificate: the whole chain, PEM'
            cand --key 'The key of the certificate, PEM'
            cand --trust-proxy 'Believe this proxy when it says for whom it asks'
            cand --quic-port 'UDP port of address discovery; 0 for none'
            cand --dns-port 'Answer DNS at this port; 0 switches it off'
            cand --dns-origin 'Answer DNS below this name'
            cand --metrics 'Tell metrics and health here, such as 127.0.0.1:9090'
            cand --max-connections 'Most connections at once'
            cand --max-connections-per-address 'Most connections at once from one address'
            cand --client-rate 'Most bytes a second that one client may send through the relay, such as 2M'
            cand --max-records 'Most records in the directory'
            cand --max-records-per-address 'Most records in the directory from one address'
            cand --max-puts-per-address 'Most records that one address may publish in a minute'
            cand --home 'Keep identity, settings and caches here'
            cand --hub 'Use this hub, not those you joined'
            cand --bind 'Listen at this port or address, such as 4433 or 192.0.2.7:4433'
            cand --plain-http 'Speak HTTP to a proxy in front that ends TLS'
            cand --open 'Let in everybody, without a token'
            cand --no-relay 'Run no relay'
            cand --no-directory 'Run no directory'
            cand --json 'Print one JSON object a line instead of text'
            cand -q 'Print only the result and errors'
            cand --quiet 'Print only the result and errors'
            cand -v 'Explain what is done; twice for the network too'
            cand --verbose 'Explain what is done; twice for the network too'
            cand --offline 'Use no relay and no directory'
            cand --no-lan 'Do not look for peers on the local network'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand token 'Who is let in: list, add and remove tokens'
            cand status 'Show how the hub on this computer is doing'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'grove;hub;token'= {
            cand --data 'Keep the hub''s files here'
            cand --home 'Keep identity, settings and caches here'
            cand --hub 'Use this hub, not those you joined'
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
            cand list 'List the tokens by name, and how many use each'
            cand add 'Make a token, and print the line to join with it'
            cand show 'Print the line to join with a token again'
            cand remove 'Take a token away; whoever is connected with it is disconnected'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'grove;hub;token;list'= {
            cand --data 'Keep the hub''s files here'
            cand --home 'Keep identity, settings and caches here'
            cand --hub 'Use this hub, not those you joined'
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
        &'grove;hub;token;add'= {
            cand --data 'Keep the hub''s files here'
            cand --home 'Keep identity, settings and caches here'
            cand --hub 'Use this hub, not those you joined'
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
        &'grove;hub;token;show'= {
            cand --data 'Keep the hub''s files here'
            cand --home 'Keep identity, settings and caches here'
            cand --hub 'Use this hub, not those you joined'
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
        &'grove;hub;token;remove'= {
            cand --data 'Keep the hub''s files here'
            cand --home 'Keep identity, settings and caches here'
            cand --hub 'Use this hub, not those you joined'
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
        &'grove;hub;token;help'= {
            cand list 'List the tokens by name, and how many use each'
            cand add 'Make a token, and print the line to join with it'
            cand show 'Print the line to join with a token again'
            cand remove 'Take a token away; whoever is connected with it is disconnected'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'grove;hub;token;help;list'= {
        }
        &'grove;hub;token;help;add'= {
        }
        &'grove;hub;token;help;show'= {
        }
        &'grove;hub;token;help;remove'= {
        }
        &'grove;hub;token;help;help'= {
        }
        &'grove;hub;status'= {
            cand --data 'Keep the hub''s files here'
            cand --home 'Keep identity, settings and caches here'
            cand --hub 'Use this hub, not those you joined'
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
        &'grove;hub;help'= {
            cand token 'Who is let in: list, add and remove tokens'
            cand status 'Show how the hub on this computer is doing'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'grove;hub;help;token'= {
            cand list 'List the tokens by name, and how many use each'
            cand add 'Make a token, and print the line to join with it'
            cand show 'Print the line to join with a token again'
            cand remove 'Take a token away; whoever is connected with it is disconnected'
        }
        &'grove;hub;help;token;list'= {
        }
        &'grove;hub;help;token;add'= {
        }
        &'grove;hub;help;token;show'= {
        }
        &'grove;hub;help;token;remove'= {
        }
        &'grove;hub;help;status'= {
        }
        &'grove;hub;help;help'= {
        }
        &'grove;id'= {
            cand --home 'Keep identity, settings and caches here'
            cand --hub 'Use this hub, not those you joined'
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
        &'grove;join'= {
            cand --home 'Keep identity, settings and caches here'
            cand --hub 'Use this hub, not those you joined'
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
        &'grove;leave'= {
            cand --home 'Keep identity, settings and caches here'
            cand --hub 'Use this hub, not those you joined'
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
            cand --hub 'Use this hub, not those you joined'
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
            cand --hub 'Use this hub, not those you joined'
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
            cand --hub 'Use this hub, not those you joined'
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
            cand --hub 'Use this hub, not those you joined'
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
            cand --hub 'Use this hub, not those you joined'
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
            cand doctor 'Find out what keeps people from reaching you, and what to do'
            cand hub 'Run a relay and a directory for your team'
            cand id 'Print the id that peers know you by'
            cand join 'Use a hub instead of public servers; or list those joined'
            cand leave 'Do not use a hub any more'
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
        &'grove;help;doctor'= {
        }
        &'grove;help;hub'= {
            cand token 'Who is let in: list, add and remove tokens'
            cand status 'Show how the hub on this computer is doing'
        }
        &'grove;help;hub;token'= {
            cand list 'List the tokens by name, and how many use each'
            cand add 'Make a token, and print the line to join with it'
            cand show 'Print the line to join with a token again'
            cand remove 'Take a token away; whoever is connected with it is disconnected'
        }
        &'grove;help;hub;token;list'= {
        }
        &'grove;help;hub;token;add'= {
        }
        &'grove;help;hub;token;show'= {
        }
        &'grove;help;hub;token;remove'= {
        }
        &'grove;help;hub;status'= {
        }
        &'grove;help;id'= {
        }
        &'grove;help;join'= {
        }
        &'grove;help;leave'= {
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
