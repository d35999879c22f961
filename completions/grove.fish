# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_grove_global_optspecs
    string join \n json q/quiet v/verbose home= offline no-lan hub= bind= h/help V/version
end

function __fish_grove_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_grove_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_grove_using_subcommand
    set -l cmd (__fish_grove_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c grove -n "__fish_grove_needs_command" -l home -d 'Keep identity, settings and caches here' -r -F
complete -c grove -n "__fish_grove_needs_command" -l hub -d 'Use this hub, not those you joined' -r
complete -c grove -n "__fish_grove_needs_command" -l bind -d 'Listen at this port or address, such as 4433 or 192.0.2.7:4433' -r
complete -c grove -n "__fish_grove_needs_command" -l json -d 'Print one JSON object a line instead of text'
complete -c grove -n "__fish_grove_needs_command" -s q -l quiet -d 'Print only the result and errors'
complete -c grove -n "__fish_grove_needs_command" -s v -l verbose -d 'Explain what is done; twice for the network too'
complete -c grove -n "__fish_grove_needs_command" -l offline -d 'Use no relay and no directory'
complete -c grove -n "__fish_grove_needs_command" -l no-lan -d 'Do not look for peers on the local network'
complete -c grove -n "__fish_grove_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c grove -n "__fish_grove_needs_command" -s V -l version -d 'Print version'
complete -c grove -n "__fish_grove_needs_command" -f -a "share" -d 'Share files and folders; prints a ticket and serves until Ctrl-C'
complete -c grove -n "__fish_grove_needs_command" -f -a "get" -d 'Fetch what a ticket names, or go on where that stopped'
complete -c grove -n "__fish_grove_needs_command" -f -a "ls" -d 'List what a ticket names, without fetching it'
complete -c grove -n "__fish_grove_needs_command" -f -a "doctor" -d 'Find out what keeps people from reaching you, and what to do'
complete -c grove -n "__fish_grove_needs_command" -f -a "hub" -d 'Run a relay and a directory for your team'
complete -c grove -n "__fish_grove_needs_command" -f -a "id" -d 'Print the id that peers know you by'
complete -c grove -n "__fish_grove_needs_command" -f -a "join" -d 'Use a hub instead of public servers; or list those joined'
complete -c grove -n "__fish_grove_needs_command" -f -a "leave" -d 'Do not use a hub any more'
complete -c grove -n "__fish_grove_needs_command" -f -a "cache" -d 'Show or remove what is kept to save work'
complete -c grove -n "__fish_grove_needs_command" -f -a "completions" -d 'Print a script that lets a shell complete Grove\'s commands'
complete -c grove -n "__fish_grove_needs_command" -f -a "man" -d 'Print a manual page'
complete -c grove -n "__fish_grove_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c grove -n "__fish_grove_using_subcommand share" -l name -d 'The name that standard input gets at the other side' -r
complete -c grove -n "__fish_grove_using_subcommand share" -l exclude -d 'Leave out what matches (may be repeated)' -r
complete -c grove -n "__fish_grove_using_subcommand share" -l max-gets -d 'End after this many complete fetches' -r
complete -c grove -n "__fish_grove_using_subcommand share" -l expire -d 'End after this time, such as 2h; the ticket says when' -r
complete -c grove -n "__fish_grove_using_subcommand share" -l for -d 'Serve only the peer with this id (may be repeated)' -r
complete -c grove -n "__fish_grove_using_subcommand share" -l limit-rate -d 'Most bytes a second' -r
complete -c grove -n "__fish_grove_using_subcommand share" -l home -d 'Keep identity, settings and caches here' -r -F
complete -c grove -n "__fish_grove_using_subcommand share" -l hub -d 'Use this hub, not those you joined' -r
complete -c grove -n "__fish_grove_using_subcommand share" -l bind -d 'Listen at this port or address, such as 4433 or 192.0.2.7:4433' -r
complete -c grove -n "__fish_grove_using_subcommand share" -l gitignore -d 'Leave out what .gitignore files say'
complete -c grove -n "__fish_grove_using_subcommand share" -l strict -d 'Refuse when something cannot be shared'
complete -c grove -n "__fish_grove_using_subcommand share" -l skip-unreadable -d 'Leave out what cannot be read, instead of refusing'
complete -c grove -n "__fish_grove_using_subcommand share" -l snapshot -d 'Share a copy, so that later changes do not matter'
complete -c grove -n "__fish_grove_using_subcommand share" -l once -d 'End after one complete fetch'
complete -c grove -n "__fish_grove_using_subcommand share" -l fresh -d 'Forget who fetched this before the share was stopped'
complete -c grove -n "__fish_grove_using_subcommand share" -l direct-only -d 'Never use a relay'
complete -c grove -n "__fish_grove_using_subcommand share" -l relay-only -d 'Use relays only, never a direct way'
complete -c grove -n "__fish_grove_using_subcommand share" -l short -d 'Print a ticket without addresses, which is shorter'
complete -c grove -n "__fish_grove_using_subcommand share" -l qr -d 'Show the ticket as a QR code too'
complete -c grove -n "__fish_grove_using_subcommand share" -l copy -d 'Put the ticket on the clipboard too'
complete -c grove -n "__fish_grove_using_subcommand share" -l json -d 'Print one JSON object a line instead of text'
complete -c grove -n "__fish_grove_using_subcommand share" -s q -l quiet -d 'Print only the result and errors'
complete -c grove -n "__fish_grove_using_subcommand share" -s v -l verbose -d 'Explain what is done; twice for the network too'
complete -c grove -n "__fish_grove_using_subcommand share" -l offline -d 'Use no relay and no directory'
complete -c grove -n "__fish_grove_using_subcommand share" -l no-lan -d 'Do not look for peers on the local network'
complete -c grove -n "__fish_grove_using_subcommand share" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c grove -n "__fish_grove_using_subcommand get" -s o -l output -d 'Write into this folder, or - for standard output' -r -F
complete -c grove -n "__fish_grove_using_subcommand get" -l only -d 'Fetch only paths that match (may be repeated)' -r
complete -c grove -n "__fish_grove_using_subcommand get" -l wait -d 'How long nothing may happen' -r
complete -c grove -n "__fish_grove_using_subcommand get" -l max-size -d 'Refuse what is larger than this, such as 20G' -r
complete -c grove -n "__fish_grove_using_subcommand get" -l limit-rate -d 'Most bytes a second' -r
complete -c grove -n "__fish_grove_using_subcommand get" -l home -d 'Keep identity, settings and caches here' -r -F
complete -c grove -n "__fish_grove_using_subcommand get" -l hub -d 'Use this hub, not those you joined' -r
complete -c grove -n "__fish_grove_using_subcommand get" -l bind -d 'Listen at this port or address, such as 4433 or 192.0.2.7:4433' -r
complete -c grove -n "__fish_grove_using_subcommand get" -l overwrite -d 'Replace other files that are in the way'
complete -c grove -n "__fish_grove_using_subcommand get" -l rename -d 'Take another name where something is in the way'
complete -c grove -n "__fish_grove_using_subcommand get" -l skip -d 'Leave what is in the way, do not fetch the new one'
complete -c grove -n "__fish_grove_using_subcommand get" -s y -l yes -d 'Do not ask anything'
complete -c grove -n "__fish_grove_using_subcommand get" -l verify -d 'Read again what is here, instead of trusting records'
complete -c grove -n "__fish_grove_using_subcommand get" -l fsync -d 'Have every file on the disk before it gets its name'
complete -c grove -n "__fish_grove_using_subcommand get" -l sparse -d 'Fetch also what is larger than the free space'
complete -c grove -n "__fish_grove_using_subcommand get" -l direct-only -d 'Never use a relay'
complete -c grove -n "__fish_grove_using_subcommand get" -l relay-only -d 'Use relays only, never a direct way'
complete -c grove -n "__fish_grove_using_subcommand get" -l json -d 'Print one JSON object a line instead of text'
complete -c grove -n "__fish_grove_using_subcommand get" -s q -l quiet -d 'Print only the result and errors'
complete -c grove -n "__fish_grove_using_subcommand get" -s v -l verbose -d 'Explain what is done; twice for the network too'
complete -c grove -n "__fish_grove_using_subcommand get" -l offline -d 'Use no relay and no directory'
complete -c grove -n "__fish_grove_using_subcommand get" -l no-lan -d 'Do not look for peers on the local network'
complete -c grove -n "__fish_grove_using_subcommand get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c grove -n "__fish_grove_using_subcommand ls" -l only -d 'List only paths that match (may be repeated)' -r
complete -c grove -n "__fish_grove_using_subcommand ls" -l wait -d 'How long nothing may happen' -r
complete -c grove -n "__fish_grove_using_subcommand ls" -l home -d 'Keep identity, settings and caches here' -r -F
complete -c grove -n "__fish_grove_using_subcommand ls" -l hub -d 'Use this hub, not those you joined' -r
complete -c grove -n "__fish_grove_using_subcommand ls" -l bind -d 'Listen at this port or address, such as 4433 or 192.0.2.7:4433' -r
complete -c grove -n "__fish_grove_using_subcommand ls" -l tree -d 'Show folders and what is in them as a tree'
complete -c grove -n "__fish_grove_using_subcommand ls" -l direct-only -d 'Never use a relay'
complete -c grove -n "__fish_grove_using_subcommand ls" -l relay-only -d 'Use relays only, never a direct way'
complete -c grove -n "__fish_grove_using_subcommand ls" -l json -d 'Print one JSON object a line instead of text'
complete -c grove -n "__fish_grove_using_subcommand ls" -s q -l quiet -d 'Print only the result and errors'
complete -c grove -n "__fish_grove_using_subcommand ls" -s v -l verbose -d 'Explain what is done; twice for the network too'
complete -c grove -n "__fish_grove_using_subcommand ls" -l offline -d 'Use no relay and no directory'
complete -c grove -n "__fish_grove_using_subcommand ls" -l no-lan -d 'Do not look for peers on the local network'
complete -c grove -n "__fish_grove_using_subcommand ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c grove -n "__fish_grove_using_subcommand doctor" -l home -d 'Keep identity, settings and caches here' -r -F
complete -c grove -n "__fish_grove_using_subcommand doctor" -l hub -d 'Use this hub, not those you joined' -r
complete -c grove -n "__fish_grove_using_subcommand doctor" -l bind -d 'Listen at this port or address, such as 4433 or 192.0.2.7:4433' -r
complete -c grove -n "__fish_grove_using_subcommand doctor" -l json -d 'Print one JSON object a line instead of text'
complete -c grove -n "__fish_grove_using_subcommand doctor" -s q -l quiet -d 'Print only the result and errors'
complete -c grove -n "__fish_grove_using_subcommand doctor" -s v -l verbose -d 'Explain what is done; twice for the network too'
complete -c grove -n "__fish_grove_using_subcommand doctor" -l offline -d 'Use no relay and no directory'
complete -c grove -n "__fish_grove_using_subcommand doctor" -l no-lan -d 'Do not look for peers on the local network'
complete -c grove -n "__fish_grove_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l data -d 'Keep the hub\'s files here' -r -F
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l config -d 'Read settings from this file, not from hub.toml' -r -F
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l public-addr -d 'Clients reach it under this name or address' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l domain -d 'Get a certificate for this name from Let\'s Encrypt' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l acme-contact -d 'The mail address that Let\'s Encrypt may write to' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l acme-directory -d 'Another authority than Let\'s Encrypt: the address of its ACME directory' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l acme-root -d 'The root of an authority that not everybody knows, PEM' -r -F
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l cert -d 'Use this certificate: the whole chain, PEM' -r -F
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l key -d 'The key of the certificate, PEM' -r -F
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l trust-proxy -d 'Believe this proxy when it says for whom it asks' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l quic-port -d 'UDP port of address discovery; 0 for none' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l dns-port -d 'Answer DNS at this port; 0 switches it off' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l dns-origin -d 'Answer DNS below this name' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l metrics -d 'Tell metrics and health here, such as 127.0.0.1:9090' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l max-connections -d 'Most connections at once' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l max-connections-per-address -d 'Most connections at once from one address' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l client-rate -d 'Most bytes a second that one client may send through the relay, such as 2M' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l max-records -d 'Most records in the directory' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l max-records-per-address -d 'Most records in the directory from one address' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l max-puts-per-address -d 'Most records that one address may publish in a minute' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l home -d 'Keep identity, settings and caches here' -r -F
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l hub -d 'Use this hub, not those you joined' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l bind -d 'Listen at this port or address, such as 4433 or 192.0.2.7:4433' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l plain-http -d 'Speak HTTP to a proxy in front that ends TLS'
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l open -d 'Let in everybody, without a token'
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l no-relay -d 'Run no relay'
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l no-directory -d 'Run no directory'
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l json -d 'Print one JSON object a line instead of text'
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -s q -l quiet -d 'Print only the result and errors'
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -s v -l verbose -d 'Explain what is done; twice for the network too'
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l offline -d 'Use no relay and no directory'
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -l no-lan -d 'Do not look for peers on the local network'
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -f -a "token" -d 'Who is let in: list, add and remove tokens'
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -f -a "status" -d 'Show how the hub on this computer is doing'
complete -c grove -n "__fish_grove_using_subcommand hub; and not __fish_seen_subcommand_from token status help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from token" -l data -d 'Keep the hub\'s files here' -r -F
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from token" -l home -d 'Keep identity, settings and caches here' -r -F
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from token" -l hub -d 'Use this hub, not those you joined' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from token" -l bind -d 'Listen at this port or address, such as 4433 or 192.0.2.7:4433' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from token" -l json -d 'Print one JSON object a line instead of text'
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from token" -s q -l quiet -d 'Print only the result and errors'
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from token" -s v -l verbose -d 'Explain what is done; twice for the network too'
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from token" -l offline -d 'Use no relay and no directory'
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from token" -l no-lan -d 'Do not look for peers on the local network'
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from token" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from token" -f -a "list" -d 'List the tokens by name, and how many use each'
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from token" -f -a "add" -d 'Make a token, and print the line to join with it'
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from token" -f -a "show" -d 'Print the line to join with a token again'
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from token" -f -a "remove" -d 'Take a token away; whoever is connected with it is disconnected'
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from token" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from status" -l data -d 'Keep the hub\'s files here' -r -F
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from status" -l home -d 'Keep identity, settings and caches here' -r -F
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from status" -l hub -d 'Use this hub, not those you joined' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from status" -l bind -d 'Listen at this port or address, such as 4433 or 192.0.2.7:4433' -r
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from status" -l json -d 'Print one JSON object a line instead of text'
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Print only the result and errors'
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Explain what is done; twice for the network too'
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from status" -l offline -d 'Use no relay and no directory'
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from status" -l no-lan -d 'Do not look for peers on the local network'
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from help" -f -a "token" -d 'Who is let in: list, add and remove tokens'
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from help" -f -a "status" -d 'Show how the hub on this computer is doing'
complete -c grove -n "__fish_grove_using_subcommand hub; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c grove -n "__fish_grove_using_subcommand id" -l home -d 'Keep identity, settings and caches here' -r -F
complete -c grove -n "__fish_grove_using_subcommand id" -l hub -d 'Use this hub, not those you joined' -r
complete -c grove -n "__fish_grove_using_subcommand id" -l bind -d 'Listen at this port or address, such as 4433 or 192.0.2.7:4433' -r
complete -c grove -n "__fish_grove_using_subcommand id" -l json -d 'Print one JSON object a line instead of text'
complete -c grove -n "__fish_grove_using_subcommand id" -s q -l quiet -d 'Print only the result and errors'
complete -c grove -n "__fish_grove_using_subcommand id" -s v -l verbose -d 'Explain what is done; twice for the network too'
complete -c grove -n "__fish_grove_using_subcommand id" -l offline -d 'Use no relay and no directory'
complete -c grove -n "__fish_grove_using_subcommand id" -l no-lan -d 'Do not look for peers on the local network'
complete -c grove -n "__fish_grove_using_subcommand id" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c grove -n "__fish_grove_using_subcommand join" -l home -d 'Keep identity, settings and caches here' -r -F
complete -c grove -n "__fish_grove_using_subcommand join" -l hub -d 'Use this hub, not those you joined' -r
complete -c grove -n "__fish_grove_using_subcommand join" -l bind -d 'Listen at this port or address, such as 4433 or 192.0.2.7:4433' -r
complete -c grove -n "__fish_grove_using_subcommand join" -l json -d 'Print one JSON object a line instead of text'
complete -c grove -n "__fish_grove_using_subcommand join" -s q -l quiet -d 'Print only the result and errors'
complete -c grove -n "__fish_grove_using_subcommand join" -s v -l verbose -d 'Explain what is done; twice for the network too'
complete -c grove -n "__fish_grove_using_subcommand join" -l offline -d 'Use no relay and no directory'
complete -c grove -n "__fish_grove_using_subcommand join" -l no-lan -d 'Do not look for peers on the local network'
complete -c grove -n "__fish_grove_using_subcommand join" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c grove -n "__fish_grove_using_subcommand leave" -l home -d 'Keep identity, settings and caches here' -r -F
complete -c grove -n "__fish_grove_using_subcommand leave" -l hub -d 'Use this hub, not those you joined' -r
complete -c grove -n "__fish_grove_using_subcommand leave" -l bind -d 'Listen at this port or address, such as 4433 or 192.0.2.7:4433' -r
complete -c grove -n "__fish_grove_using_subcommand leave" -l json -d 'Print one JSON object a line instead of text'
complete -c grove -n "__fish_grove_using_subcommand leave" -s q -l quiet -d 'Print only the result and errors'
complete -c grove -n "__fish_grove_using_subcommand leave" -s v -l verbose -d 'Explain what is done; twice for the network too'
complete -c grove -n "__fish_grove_using_subcommand leave" -l offline -d 'Use no relay and no directory'
complete -c grove -n "__fish_grove_using_subcommand leave" -l no-lan -d 'Do not look for peers on the local network'
complete -c grove -n "__fish_grove_using_subcommand leave" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c grove -n "__fish_grove_using_subcommand cache; and not __fish_seen_subcommand_from list clear help" -l home -d 'Keep identity, settings and caches here' -r -F
complete -c grove -n "__fish_grove_using_subcommand cache; and not __fish_seen_subcommand_from list clear help" -l hub -d 'Use this hub, not those you joined' -r
complete -c grove -n "__fish_grove_using_subcommand cache; and not __fish_seen_subcommand_from list clear help" -l bind -d 'Listen at this port or address, such as 4433 or 192.0.2.7:4433' -r
complete -c grove -n "__fish_grove_using_subcommand cache; and not __fish_seen_subcommand_from list clear help" -l json -d 'Print one JSON object a line instead of text'
complete -c grove -n "__fish_grove_using_subcommand cache; and not __fish_seen_subcommand_from list clear help" -s q -l quiet -d 'Print only the result and errors'
complete -c grove -n "__fish_grove_using_subcommand cache; and not __fish_seen_subcommand_from list clear help" -s v -l verbose -d 'Explain what is done; twice for the network too'
complete -c grove -n "__fish_grove_using_subcommand cache; and not __fish_seen_subcommand_from list clear help" -l offline -d 'Use no relay and no directory'
complete -c grove -n "__fish_grove_using_subcommand cache; and not __fish_seen_subcommand_from list clear help" -l no-lan -d 'Do not look for peers on the local network'
complete -c grove -n "__fish_grove_using_subcommand cache; and not __fish_seen_subcommand_from list clear help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c grove -n "__fish_grove_using_subcommand cache; and not __fish_seen_subcommand_from list clear help" -f -a "list" -d 'Show what is kept, and how much room it takes'
complete -c grove -n "__fish_grove_using_subcommand cache; and not __fish_seen_subcommand_from list clear help" -f -a "clear" -d 'Remove everything that no running share uses'
complete -c grove -n "__fish_grove_using_subcommand cache; and not __fish_seen_subcommand_from list clear help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from list" -l home -d 'Keep identity, settings and caches here' -r -F
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from list" -l hub -d 'Use this hub, not those you joined' -r
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from list" -l bind -d 'Listen at this port or address, such as 4433 or 192.0.2.7:4433' -r
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON object a line instead of text'
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print only the result and errors'
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Explain what is done; twice for the network too'
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from list" -l offline -d 'Use no relay and no directory'
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from list" -l no-lan -d 'Do not look for peers on the local network'
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from clear" -l home -d 'Keep identity, settings and caches here' -r -F
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from clear" -l hub -d 'Use this hub, not those you joined' -r
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from clear" -l bind -d 'Listen at this port or address, such as 4433 or 192.0.2.7:4433' -r
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from clear" -l json -d 'Print one JSON object a line instead of text'
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from clear" -s q -l quiet -d 'Print only the result and errors'
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from clear" -s v -l verbose -d 'Explain what is done; twice for the network too'
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from clear" -l offline -d 'Use no relay and no directory'
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from clear" -l no-lan -d 'Do not look for peers on the local network'
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from clear" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "list" -d 'Show what is kept, and how much room it takes'
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "clear" -d 'Remove everything that no running share uses'
complete -c grove -n "__fish_grove_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c grove -n "__fish_grove_using_subcommand completions" -l home -d 'Keep identity, settings and caches here' -r -F
complete -c grove -n "__fish_grove_using_subcommand completions" -l hub -d 'Use this hub, not those you joined' -r
complete -c grove -n "__fish_grove_using_subcommand completions" -l bind -d 'Listen at this port or address, such as 4433 or 192.0.2.7:4433' -r
complete -c grove -n "__fish_grove_using_subcommand completions" -l json -d 'Print one JSON object a line instead of text'
complete -c grove -n "__fish_grove_using_subcommand completions" -s q -l quiet -d 'Print only the result and errors'
complete -c grove -n "__fish_grove_using_subcommand completions" -s v -l verbose -d 'Explain what is done; twice for the network too'
complete -c grove -n "__fish_grove_using_subcommand completions" -l offline -d 'Use no relay and no directory'
complete -c grove -n "__fish_grove_using_subcommand completions" -l no-lan -d 'Do not look for peers on the local network'
complete -c grove -n "__fish_grove_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c grove -n "__fish_grove_using_subcommand man" -l dir -d 'Write all pages into this folder instead' -r -F
complete -c grove -n "__fish_grove_using_subcommand man" -l home -d 'Keep identity, settings and caches here' -r -F
complete -c grove -n "__fish_grove_using_subcommand man" -l hub -d 'Use this hub, not those you joined' -r
complete -c grove -n "__fish_grove_using_subcommand man" -l bind -d 'Listen at this port or address, such as 4433 or 192.0.2.7:4433' -r
complete -c grove -n "__fish_grove_using_subcommand man" -l json -d 'Print one JSON object a line instead of text'
complete -c grove -n "__fish_grove_using_subcommand man" -s q -l quiet -d 'Print only the result and errors'
complete -c grove -n "__fish_grove_using_subcommand man" -s v -l verbose -d 'Explain what is done; twice for the network too'
complete -c grove -n "__fish_grove_using_subcommand man" -l offline -d 'Use no relay and no directory'
complete -c grove -n "__fish_grove_using_subcommand man" -l no-lan -d 'Do not look for peers on the local network'
complete -c grove -n "__fish_grove_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c grove -n "__fish_grove_using_subcommand help; and not __fish_seen_subcommand_from share get ls doctor hub id join leave cache completions man help" -f -a "share" -d 'Share files and folders; prints a ticket and serves until Ctrl-C'
complete -c grove -n "__fish_grove_using_subcommand help; and not __fish_seen_subcommand_from share get ls doctor hub id join leave cache completions man help" -f -a "get" -d 'Fetch what a ticket names, or go on where that stopped'
complete -c grove -n "__fish_grove_using_subcommand help; and not __fish_seen_subcommand_from share get ls doctor hub id join leave cache completions man help" -f -a "ls" -d 'List what a ticket names, without fetching it'
complete -c grove -n "__fish_grove_using_subcommand help; and not __fish_seen_subcommand_from share get ls doctor hub id join leave cache completions man help" -f -a "doctor" -d 'Find out what keeps people from reaching you, and what to do'
complete -c grove -n "__fish_grove_using_subcommand help; and not __fish_seen_subcommand_from share get ls doctor hub id join leave cache completions man help" -f -a "hub" -d 'Run a relay and a directory for your team'
complete -c grove -n "__fish_grove_using_subcommand help; and not __fish_seen_subcommand_from share get ls doctor hub id join leave cache completions man help" -f -a "id" -d 'Print the id that peers know you by'
complete -c grove -n "__fish_grove_using_subcommand help; and not __fish_seen_subcommand_from share get ls doctor hub id join leave cache completions man help" -f -a "join" -d 'Use a hub instead of public servers; or list those joined'
complete -c grove -n "__fish_grove_using_subcommand help; and not __fish_seen_subcommand_from share get ls doctor hub id join leave cache completions man help" -f -a "leave" -d 'Do not use a hub any more'
complete -c grove -n "__fish_grove_using_subcommand help; and not __fish_seen_subcommand_from share get ls doctor hub id join leave cache completions man help" -f -a "cache" -d 'Show or remove what is kept to save work'
complete -c grove -n "__fish_grove_using_subcommand help; and not __fish_seen_subcommand_from share get ls doctor hub id join leave cache completions man help" -f -a "completions" -d 'Print a script that lets a shell complete Grove\'s commands'
complete -c grove -n "__fish_grove_using_subcommand help; and not __fish_seen_subcommand_from share get ls doctor hub id join leave cache completions man help" -f -a "man" -d 'Print a manual page'
complete -c grove -n "__fish_grove_using_subcommand help; and not __fish_seen_subcommand_from share get ls doctor hub id join leave cache completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c grove -n "__fish_grove_using_subcommand help; and __fish_seen_subcommand_from hub" -f -a "token" -d 'Who is let in: list, add and remove tokens'
complete -c grove -n "__fish_grove_using_subcommand help; and __fish_seen_subcommand_from hub" -f -a "status" -d 'Show how the hub on this computer is doing'
complete -c grove -n "__fish_grove_using_subcommand help; and __fish_seen_subcommand_from cache" -f -a "list" -d 'Show what is kept, and how much room it takes'
complete -c grove -n "__fish_grove_using_subcommand help; and __fish_seen_subcommand_from cache" -f -a "clear" -d 'Remove everything that no running share uses'
