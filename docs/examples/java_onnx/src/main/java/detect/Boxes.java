// SPDX-License-Identifier: Apache-2.0
package detect;

import java.util.ArrayList;
import java.util.List;

/** What is in the rows of a YOLOv5 output: centre x, y, width, height, objectness, classes. */
final class Boxes {
  private static final int MOST = 300;

  /** Corners in pixels of the model's input. */
  record Box(double x1, double y1, double x2, double y2, double score, int label) {
    private double area() {
      return (x2 - x1) * (y2 - y1);
    }

    private double overlap(Box other) {
      double width = Math.min(x2, other.x2) - Math.max(x1, other.x1);
      double height = Math.min(y2, other.y2) - Math.max(y1, other.y1);
      double shared = Math.max(width, 0) * Math.max(height, 0);
      return shared / (area() + other.area() - shared + 1e-9);
    }
  }

  private Boxes() {}

  /** The best ones first; of those of a class that overlap by more than `most`, the best alone. */
  static List<Box> of(float[][] rows, double least, double most) {
    List<Box> found = new ArrayList<>();
    for (float[] row : rows) {
      int label = 0;
      for (int i = 1; i < row.length - 5; i++) {
        label = row[5 + i] > row[5 + label] ? i : label;
      }
      double score = row[4] * row[5 + label];
      if (score >= least) {
        double x = row[2] / 2.0;
        double y = row[3] / 2.0;
        found.add(new Box(row[0] - x, row[1] - y, row[0] + x, row[1] + y, score, label));
      }
    }
    found.sort((a, b) -> Double.compare(b.score(), a.score()));
    List<Box> kept = new ArrayList<>();
    for (Box box : found) {
      boolean alone =
          kept.stream().noneMatch(k -> k.label() == box.label() && k.overlap(box) > most);
      if (alone && kept.size() < MOST) {
        kept.add(box);
      }
    }
    return kept;
  }
}
