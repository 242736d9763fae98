"""Fusing: neighbors in a graph become one node where that changes no bit of a result.

| pattern          | becomes            | why no bit changes                                                 |
|------------------|--------------------|--------------------------------------------------------------------|
| ReLU, max pool   | max pool with ReLU | max(0, .) commutes with the maximum, and where that is not above 0 |
|                  |                    | no gradient passes in either order                                 |
| batch norm, ReLU | both in one        | the same operations on each element, in one pass                   |

Programs with taps fuse less: every tensor must exist, or its sums must follow from those of another. As a
fusion changes no bit, weights are the same with taps and without.
"""

from __future__ import annotations

from koubai.engines.native.graph import Graph, Node, Value


def fuse(graph: Graph, *, tapped: bool = False) -> Graph:
    """Return a graph with fewer nodes that computes the same.

    A ReLU inside a pooling leaves its value in the setting `inside`; a leaf may end there.
    """
    nodes: list[Node] = []
    renamed: dict[Value, Value] = {}
    gone: set[Node] = set()
    for node in graph.nodes:
        if node in gone:
            continue
        partner = _partner(graph, node, tapped)
        inputs = tuple(renamed.get(x, x) for x in node.inputs)
        if partner is None:
            fused = Node(node.op, node.path, inputs, Value(node.output.shape), node.stored, node.settings)
            renamed[node.output] = fused.output
        else:
            core = node if node.op == "batch_norm" else partner
            settings = {**core.settings, "relu": 1, "inside": node.output}
            fused = Node(core.op, core.path, inputs, Value(partner.output.shape), core.stored, settings)
            renamed[partner.output] = fused.output
            gone.add(partner)
        nodes.append(fused)
    leaves = {path: renamed.get(value, value) for path, value in graph.leaves.items()}
    return Graph(graph.input, renamed.get(graph.output, graph.output), nodes, leaves)


def _partner(graph: Graph, node: Node, tapped: bool) -> Node | None:
    """The next node, if both become one."""
    users = graph.users(node.output)
    if len(users) != 1 or node.output is graph.output:
        return None
    (user,) = users
    if is_relu(node) and user.op == "max_pool" and (not tapped or disjoint(user)):
        return user
    if node.op == "batch_norm" and not tapped and is_relu(user) and _free(graph, user):
        return user
    return None


def _free(graph: Graph, relu: Node) -> bool:
    """Whether a ReLU is not about to join a pooling behind it."""
    users = graph.users(relu.output)
    return not (len(users) == 1 and users[0].op == "max_pool" and relu.output is not graph.output)


def is_relu(node: Node) -> bool:
    """Whether a node is a ReLU alone."""
    return node.op == "pointwise" and bool(node.settings["function"] == "relu")


def disjoint(pool: Node) -> bool:
    """Whether the windows of a pooling share no element: then its dx is its dy, scattered among zeros."""
    s = pool.settings
    return all(stride >= size for stride, size in zip(s["stride"], s["size"], strict=True))
