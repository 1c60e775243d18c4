"""Nodes in Ironic; `nodes.IronicNodes` is the adapter, one module for each thing that it does.

=============  ==================================================================
`client`       Ironic's API, and the errors of the core for its answers
`machines`     a node in JSON becomes a `Machine` or a `Sighting`
`verbs`        one verb of the core becomes one request, sometimes two
`leftovers`    virtual media, volumes and the boot device: found and removed
`consoles`     the serial console: where it is, and who may open it
`listing`      all nodes, page after page
=============  ==================================================================
"""
