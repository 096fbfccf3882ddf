"""What the claims page says in words, and the commands that check the rest."""

from __future__ import annotations

HEAD = """\
# What was claimed, and what it is worth

Made by `python benchmarks/claims.py DATA -o docs/results/claims.md`; numbers in
[claims.json](claims.json).

These are the claims of the music genre projects that genrekit grew out of: tutorials, notebooks,
course work. Each stands beside what genrekit measures under the protocol that the claim implies,
and what is left under an honest one. A name in brackets is what `genrekit leaks` calls the leak.
Accuracies are over tracks unless it says otherwise, with intervals of 95 % (Wilson's, or a
bootstrap over recordings). "LEAKY" marks every number that should not be quoted.
"""

#: Where the summary points to for what was not checked.
CHECK = {
    "medium": "[commands](#fma-medium-0783)",
    "cross": "[commands](#gtzan-to-fma-0718)",
    "outside": "[commands](#outside-music)",
    "multilabel": "[commands](#fifty-genres-several-a-track-f1-065-to-075)",
}

SEGMENT_NETWORKS = """\
```sh
genrekit train recipes/networks/crnn.yaml --data gtzan -o crnn-3s \\
    --set windows.window_seconds=3 --set windows.hop_seconds=3
genrekit train recipes/networks/cnn.yaml --data gtzan -o cnn-3s --set windows.window_seconds=3 \\
    --set windows.hop_seconds=3
genrekit train recipes/networks/bilstm.yaml --data gtzan -o lstm-3s \\
    --set windows.window_seconds=3 --set windows.hop_seconds=3
genrekit train recipes/networks/bigru.yaml --data gtzan -o gru-3s \\
    --set windows.window_seconds=3 --set windows.hop_seconds=3
```
"""

SEGMENT_TABLE = """\
```sh
genrekit study features_3_sec.csv -o segments --model knn,neighbours=1 --model svm \\
    --model forest
```
"""

MEDIUM = """\
The classes of FMA-medium are far from balanced, so accuracy says little without macro F1, which is
printed beside it. The official parts keep artists apart.

```sh
genrekit download fma --size medium --to fma
genrekit train recipes/networks/resnet.yaml --data fma -o fma-medium --set data.corpus=fma \\
    --set data.options.subset=medium --set protocol.name=official \\
    --set 'beside=[{name: segments-leaky}]'
genrekit evaluate fma-medium --data fma --corpus fma --protocol official --set subset=medium \\
    -o fma-medium.json
```
"""

CROSS = """\
A number across corpora needs a label map: which genres of one are which of the other, and what is
left out. `gtzan-fma` holds the genres that both name.

```sh
genrekit download fma --size small --to fma
genrekit evaluate default --data fma --corpus fma --set subset=small --map gtzan-fma \\
    -o across.json
genrekit train recipes/networks/resnet.yaml --data gtzan -o gtzan-resnet
genrekit evaluate gtzan-resnet --data fma --corpus fma --set subset=small --map gtzan-fma \\
    -o across-resnet.json
genrekit compare across.json across-resnet.json
```
"""

OUTSIDE = """\
The same two models on music of another corpus:

```sh
genrekit train recipes/classical/knn.yaml --data features_30_sec.csv -o knn
genrekit train recipes/classical/svm.yaml --data features_30_sec.csv -o svm
genrekit evaluate knn --data fma --corpus fma --set subset=small --map gtzan-fma \\
    -o knn-outside.json
genrekit evaluate svm --data fma --corpus fma --set subset=small --map gtzan-fma \\
    -o svm-outside.json
genrekit compare knn-outside.json svm-outside.json
```
"""

MULTILABEL = """\
F1 of which average, at which thresholds, is not said; micro and macro F1 stand beside each other,
with thresholds from tracks that were neither fitted on nor tested.

```sh
genrekit download fma --size large --to fma
genrekit train recipes/networks/multilabel-50.yaml --data fma -o multilabel-50
genrekit evaluate multilabel-50 --data fma --corpus fma --protocol official --set subset=large \\
    --set labels=genres_all
genrekit download jamendo --size audio-low --to jamendo
genrekit train recipes/networks/multilabel-50.yaml --data jamendo -o jamendo-50 \\
    --set data.corpus=jamendo --set 'data.options={split: 0}'
```
"""
