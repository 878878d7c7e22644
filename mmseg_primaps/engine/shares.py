"""Work that is dealt out to processes."""

from collections.abc import Callable

from mmengine.dist import broadcast_object_list, get_dist_info


def dealt_out(find: Callable[[], list[int]]) -> tuple[list[int], list[int]]:
    """All the work there is, and this process's share of it.

    The first rank alone looks: another that looked a moment later would miss what is being done already, and the shares
    would overlap here and leave gaps there.

    Args:
        find: Looks for the work.
    """
    rank, processes = get_dist_info()
    work = [find() if rank == 0 else []]
    broadcast_object_list(work)
    return work[0], work[0][rank::processes]
