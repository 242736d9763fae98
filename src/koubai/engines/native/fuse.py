"""Fusing: neighbors in a graph become one node where that changes no bit of a result.

Programs with taps are made from the graph as it is, so that every tensor exists; because a fusion changes no
bit, weights are the same with taps and without.

| pattern          | becomes            | why no bit changes                                                 |
|------------------|--------------------|--------------------------------------------------------------------|
| ReLU, max pool   | max pool with ReLU | max(0, .) commutes with the maximum, and where that is not above 0 |
|                  |                    | no gradient passes in either order                                 |
| batch norm, ReLU | both in one        | the same operations on each element, in one pass                   |
"""

from __future__ import annotations

from koubai.engines.native.graph import Graph, Node, Value


def fuse(graph: Graph) -> Graph:
    """Return a graph with fewer nodes that computes the same; leaves inside a fused node disappear."""
    nodes: list[Node] = []
    renamed: dict[Value, Value] = {}
    gone: set[Node] = set()
    for node in graph.nodes:
        if node in gone:
            continue
        partner = _partner(graph, node)
        inputs = tuple(renamed.get(x, x) for x in node.inputs)
        if partner is None:
            fused = Node(node.op, node.path, inputs, Value(node.output.shape), node.stored, node.settings)
            renamed[node.output] = fused.output
        else:
            core = node if node.op == "batch_norm" else partner
            settings = {**core.settings, "relu": 1}
            fused = Node(core.op, core.path, inputs, Value(partner.output.shape), core.stored, settings)
            renamed[partner.output] = fused.output
            gone.add(partner)
        nodes.append(fused)
    leaves = {path: renamed.get(value, value) for path, value in graph.leaves.items()}
    return Graph(graph.input, renamed.get(graph.output, graph.output), nodes, leaves)


def _partner(graph: Graph, node: Node) -> Node | None:
    """The next node, if both become one."""
    users = graph.users(node.output)
    if len(users) != 1 or node.output is graph.output:
        return None
    (user,) = users
    if _is_relu(node) and user.op == "max_pool":
        return user
    if node.op == "batch_norm" and _is_relu(user) and _free(graph, user):
        return user
    return None


def _free(graph: Graph, relu: Node) -> bool:
    """Whether a ReLU is not about to join a pooling behind it."""
    users = graph.users(relu.output)
    return not (len(users) == 1 and users[0].op == "max_pool" and relu.output is not graph.output)


def _is_relu(node: Node) -> bool:
    return node.op == "pointwise" and node.settings["function"] == "relu"
