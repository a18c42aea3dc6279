"""What import-linter cannot be told without a list of the vendors: none of them knows another."""

import grimp

from connectors.vendors import registry


def test_vendors_do_not_know_each_other() -> None:
    graph = grimp.build_graph("connectors")
    folders = {module for module in graph.find_children("connectors.vendors") if graph.find_children(module)}

    known = {
        (one, other)
        for one in folders
        for other in folders - {one}
        if graph.find_shortest_chains(importer=one, imported=other, as_packages=True)
    }

    assert len(folders) == len(registry.vendors())
    assert known == set()
