// SPDX-License-Identifier: Apache-2.0
package detect;

import ai.aiges.BadInputException;
import ai.aiges.Context;
import ai.aiges.Engine;
import ai.aiges.Params;
import ai.aiges.Payload;
import ai.aiges.Schema;
import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.imageio.ImageIO;

/** Finds things in pictures by a YOLOv5 model in ONNX: [wrapper] model names the file. */
public final class Detector implements Engine {
  private static final int GREY = 114; // That YOLOv5 pads with in training.
  private static final double OVERLAP = 0.45;

  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private OrtSession session;
  private String input;
  private int size;
  private String[] names = {};

  @Override
  public void init(Map<String, String> config) throws OrtException {
    String model = config.get("model");
    if (model == null) {
      throw new IllegalArgumentException("[wrapper] model: expected the path of an .onnx file");
    }
    session = environment.createSession(model, new OrtSession.SessionOptions());
    NodeInfo info = session.getInputInfo().values().iterator().next();
    input = info.getName();
    size = (int) ((TensorInfo) info.getInfo()).getShape()[3];
    // {0: 'disc', 1: 'square'}, as YOLOv5 writes it.
    String said = session.getMetadata().getCustomMetadata().getOrDefault("names", "");
    if (!said.isEmpty()) {
      names = said.replaceAll("[{}'\\[\\] ]|\\d+:", "").split(",");
    }
  }

  @Override
  public void warmUp() throws OrtException {
    run(new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB), 0.5);
  }

  @Override
  public List<Payload> exec(Context context, Params params, List<Payload> given)
      throws OrtException {
    if (given.isEmpty()) {
      throw new BadInputException("image: expected a picture, got nothing");
    }
    BufferedImage picture = null;
    try {
      picture = ImageIO.read(new ByteArrayInputStream(given.get(0).bytes()));
    } catch (IOException e) {
      throw new BadInputException("image: expected a PNG or JPEG: " + e.getMessage(), e);
    }
    if (picture == null) {
      throw new BadInputException("image: expected a PNG or JPEG, got something else");
    }
    String found = run(picture, params.getDouble("score", 0.25));
    context.meter("pictures", 1);
    return List.of(Payload.of("result", found));
  }

  private String run(BufferedImage picture, double least) throws OrtException {
    double scale = (double) size / Math.max(picture.getWidth(), picture.getHeight());
    int width = (int) Math.round(picture.getWidth() * scale);
    int height = (int) Math.round(picture.getHeight() * scale);
    int left = (size - width) / 2;
    int top = (size - height) / 2;
    FloatBuffer pixels = pixels(picture, left, top, width, height);
    try (OnnxTensor tensor =
            OnnxTensor.createTensor(environment, pixels, new long[] {1, 3, size, size});
        OrtSession.Result result = session.run(Map.of(input, tensor))) {
      float[][] rows = ((float[][][]) result.get(0).getValue())[0];
      StringBuilder json = new StringBuilder("{\"detections\": [");
      String between = "";
      for (Boxes.Box box : Boxes.of(rows, least, OVERLAP)) {
        json.append(between);
        json.append(
            String.format(
                Locale.ROOT,
                "{\"box\": [%.1f, %.1f, %.1f, %.1f], \"score\": %.4f, \"label\": \"%s\"}",
                (box.x1() - left) / scale,
                (box.y1() - top) / scale,
                (box.x2() - left) / scale,
                (box.y2() - top) / scale,
                box.score(),
                box.label() < names.length ? names[box.label()] : box.label()));
        between = ", ";
      }
      return json.append("]}").toString();
    }
  }

  // Planes of red, green and blue, in 0 to 1.
  private FloatBuffer pixels(BufferedImage picture, int left, int top, int width, int height) {
    BufferedImage canvas = new BufferedImage(size, size, BufferedImage.TYPE_INT_RGB);
    Graphics2D pen = canvas.createGraphics();
    pen.setColor(new java.awt.Color(GREY, GREY, GREY));
    pen.fillRect(0, 0, size, size);
    pen.setRenderingHint(
        RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BILINEAR);
    pen.drawImage(picture, left, top, width, height, null);
    pen.dispose();
    int[] colours = canvas.getRGB(0, 0, size, size, null, 0, size);
    FloatBuffer planes = FloatBuffer.allocate(3 * size * size);
    for (int shift = 16; shift >= 0; shift -= 8) {
      for (int colour : colours) {
        planes.put(((colour >> shift) & 0xff) / 255f);
      }
    }
    return planes.flip();
  }

  @Override
  public String schema() {
    return Schema.of("detect")
        .input("image", Payload.Type.IMAGE)
        .param("score", Map.of("type", "number", "minimum", 0, "maximum", 1))
        .output("result", Payload.Type.TEXT)
        .json();
  }

  @Override
  public void close() throws OrtException {
    session.close();
    environment.close();
  }
}
