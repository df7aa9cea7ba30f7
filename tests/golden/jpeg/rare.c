/* Kinds of JPEG that Pillow does not write, of the picture of generate.py: `cc rare.c -ljpeg -lm -o rare`, then
   `rare arithmetic > arithmetic.jpg`, `rare three_by_one > three_by_one.jpg`. Made with libjpeg-turbo 2.1.5. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <jpeglib.h>

int main(int count, char **arguments) {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, stdout);
    jpeg.image_width = 37;
    jpeg.image_height = 29;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 90, TRUE);
    if (count > 1 && strcmp(arguments[1], "arithmetic") == 0) {
        jpeg.arith_code = TRUE;
    } else {
        jpeg.comp_info[0].h_samp_factor = 3;
        jpeg.comp_info[0].v_samp_factor = 1;
    }
    jpeg_start_compress(&jpeg, TRUE);
    for (int y = 0; y < 29; y++) {
        JSAMPLE row[3 * 37], *rows = row;
        for (int x = 0; x < 37; x++)
            for (int c = 0; c < 3; c++)
                row[3 * x + c] = 128 + 100 * sin(x * (0.2 + 0.1 * c) + y * 0.15) * cos(y * (0.3 - 0.1 * c));
        jpeg_write_scanlines(&jpeg, &rows, 1);
    }
    jpeg_finish_compress(&jpeg);
    return 0;
}
