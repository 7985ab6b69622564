"""How the models that ship are made and measured: data, training, results, studies."""
