
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'grove' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'grove'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'grove' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('share', 'share', [CompletionResultType]::ParameterValue, 'Share files and folders; prints a ticket and serves until Ctrl-C')
            [CompletionResult]::new('get', 'get', [CompletionResultType]::ParameterValue, 'Fetch what a ticket names, or go on where that stopped')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List what a ticket names, without fetching it')
            [CompletionResult]::new('id', 'id', [CompletionResultType]::ParameterValue, 'Print the id that peers know you by')
            [CompletionResult]::new('cache', 'cache', [CompletionResultType]::ParameterValue, 'Show or remove what is kept to save work')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a script that lets a shell complete Grove''s commands')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print a manual page')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'grove;share' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The name that standard input gets at the other side')
            [CompletionResult]::new('--exclude', '--exclude', [CompletionResultType]::ParameterName, 'Leave out what matches (may be repeated)')
            [CompletionResult]::new('--max-gets', '--max-gets', [CompletionResultType]::ParameterName, 'End after this many complete fetches')
            [CompletionResult]::new('--expire', '--expire', [CompletionResultType]::ParameterName, 'End after this time, such as 2h; the ticket says when')
            [CompletionResult]::new('--for', '--for', [CompletionResultType]::ParameterName, 'Serve only the peer with this id (may be repeated)')
            [CompletionResult]::new('--limit-rate', '--limit-rate', [CompletionResultType]::ParameterName, 'Most bytes a second')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--gitignore', '--gitignore', [CompletionResultType]::ParameterName, 'Leave out what .gitignore files say')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Refuse when something cannot be shared')
            [CompletionResult]::new('--skip-unreadable', '--skip-unreadable', [CompletionResultType]::ParameterName, 'Leave out what cannot be read, instead of refusing')
            [CompletionResult]::new('--snapshot', '--snapshot', [CompletionResultType]::ParameterName, 'Share a copy, so that later changes do not matter')
            [CompletionResult]::new('--once', '--once', [CompletionResultType]::ParameterName, 'End after one complete fetch')
            [CompletionResult]::new('--fresh', '--fresh', [CompletionResultType]::ParameterName, 'Forget who fetched this before the share was stopped')
            [CompletionResult]::new('--qr', '--qr', [CompletionResultType]::ParameterName, 'Show the ticket as a QR code too')
            [CompletionResult]::new('--copy', '--copy', [CompletionResultType]::ParameterName, 'Put the ticket on the clipboard too')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;get' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write into this folder, or - for standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write into this folder, or - for standard output')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Fetch only paths that match (may be repeated)')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'How long nothing may happen')
            [CompletionResult]::new('--max-size', '--max-size', [CompletionResultType]::ParameterName, 'Refuse what is larger than this, such as 20G')
            [CompletionResult]::new('--limit-rate', '--limit-rate', [CompletionResultType]::ParameterName, 'Most bytes a second')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--overwrite', '--overwrite', [CompletionResultType]::ParameterName, 'Replace other files that are in the way')
            [CompletionResult]::new('--rename', '--rename', [CompletionResultType]::ParameterName, 'Take another name where something is in the way')
            [CompletionResult]::new('--skip', '--skip', [CompletionResultType]::ParameterName, 'Leave what is in the way, do not fetch the new one')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask anything')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask anything')
            [CompletionResult]::new('--verify', '--verify', [CompletionResultType]::ParameterName, 'Read again what is here, instead of trusting records')
            [CompletionResult]::new('--fsync', '--fsync', [CompletionResultType]::ParameterName, 'Have every file on the disk before it gets its name')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;ls' {
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'List only paths that match (may be repeated)')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'How long nothing may happen')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--tree', '--tree', [CompletionResultType]::ParameterName, 'Show folders and what is in them as a tree')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;id' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;cache' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Show what is kept, and how much room it takes')
            [CompletionResult]::new('clear', 'clear', [CompletionResultType]::ParameterValue, 'Remove everything that no running share uses')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'grove;cache;list' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;cache;clear' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;cache;help' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Show what is kept, and how much room it takes')
            [CompletionResult]::new('clear', 'clear', [CompletionResultType]::ParameterValue, 'Remove everything that no running share uses')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'grove;cache;help;list' {
            break
        }
        'grove;cache;help;clear' {
            break
        }
        'grove;cache;help;help' {
            break
        }
        'grove;completions' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;man' {
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'Write all pages into this folder instead')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;help' {
            [CompletionResult]::new('share', 'share', [CompletionResultType]::ParameterValue, 'Share files and folders; prints a ticket and serves until Ctrl-C')
            [CompletionResult]::new('get', 'get', [CompletionResultType]::ParameterValue, 'Fetch what a ticket names, or go on where that stopped')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List what a ticket names, without fetching it')
            [CompletionResult]::new('id', 'id', [CompletionResultType]::ParameterValue, 'Print the id that peers know you by')
            [CompletionResult]::new('cache', 'cache', [CompletionResultType]::ParameterValue, 'Show or remove what is kept to save work')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a script that lets a shell complete Grove''s commands')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print a manual page')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'grove;help;share' {
            break
        }
        'grove;help;get' {
            break
        }
        'grove;help;ls' {
            break
        }
        'grove;help;id' {
            break
        }
        'grove;help;cache' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Show what is kept, and how much room it takes')
            [CompletionResult]::new('clear', 'clear', [CompletionResultType]::ParameterValue, 'Remove everything that no running share uses')
            break
        }
        'grove;help;cache;list' {
            break
        }
        'grove;help;cache;clear' {
            break
        }
        'grove;help;completions' {
            break
        }
        'grove;help;man' {
            break
        }
        'grove;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
