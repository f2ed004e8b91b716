//! More of the table of words: budgets, runners, what waits for what, and what became of advice.

use super::{Ask, Atom as A, Mark};
use Mark::{Is, Never};

/// The words, and phrases of several; those of one line do the same.
pub(super) const LEXICON: &[(&str, &[Mark])] = &[
    ("what writes|what wrote|what is writing|what was writing", &[Mark::Ask(Ask::What), Is(A::Process), Is(A::Write)]),
    ("what reads|what is reading|what was reading", &[Mark::Ask(Ask::What), Is(A::Process), Is(A::Read)]),
    (
        "budget|budgets|over budget|over the budget|over our budget|within budget|within the budget|within our budget|under budget|under the budget|below budget|in budget|on budget|exceed the budget|exceeded the budget|exceeding the budget|exceed our budget|exceeded our budget|spending limit",
        &[Is(A::Budget)],
    ),
    (
        "how many runners do we need|how many runners do i need|how many runners are needed|how many more runners do we need|how many more runners are needed|do we need more runners|do we need another runner|do we need runners|do we have enough runners|are there enough runners|are the runners enough|how many runners should we have|are we short of runners|are runners short|enough runners|runner capacity|capacity of runners",
        &[Is(A::Runner)],
    ),
    (
        "depend|depends|depend on|depends on|depend upon|depends upon|depending on|dependent on|dependents of|dependents|dependencies|dependencies of|blocked by|held up by|waits for|wait on|waits on|waiting on|waiting for",
        &[Is(A::Depend)],
    ),
    (
        "did it help|did that help|did this help|did anything help|did any of it help|did my fix help|did the fix help|did our fix help|did my change help|did the change help|did our change help|did my changes help|did the changes help|did our changes help|did the advice help|did any advice help|has it helped|has that helped|has anything helped|has my fix helped|has the fix helped|has my change helped|has the change helped|what helped|what has helped|which advice helped|what advice helped|which change helped|which changes helped|which fix helped|which fixes helped|did it work|did my fix work|did the fix work",
        &[Is(A::Helped)],
    ),
    ("how many runners", &[Never("how many runners there are is not measured; ask how many runners are needed")]),
    ("dismissed|dismiss|rejected|turned down", &[Is(A::Dismissed)]),
    ("accepted", &[Is(A::Accepted)]),
    ("applied|carried out", &[Is(A::Applied)]),
];
