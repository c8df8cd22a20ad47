"""`make demo`: two hospitals help a third to impute its data, through the public interfaces of three real servers."""
